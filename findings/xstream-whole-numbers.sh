#!/usr/bin/env bash
# XStream 1.4.21, which reads every config.xml of Jenkins: an int field takes 010 for 8 (octal), 0x10
# for 16 and 4294967295 for -1, each without an error. So `<quietPeriod>010</quietPeriod>` waits
# eight seconds. Seen: "8 16 -1". Needs a JDK (17 or later) and Maven.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'END'
<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>a</artifactId><version>1</version>
<dependencies><dependency><groupId>com.thoughtworks.xstream</groupId><artifactId>xstream</artifactId>
<version>1.4.21</version></dependency></dependencies></project>
END
mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars >log 2>&1 || { cat log; exit 2; }
cat >Numbers.java <<'END'
import com.thoughtworks.xstream.XStream;

public class Numbers {
    public static class Trigger { int first; int second; int third; }

    public static void main(String[] arguments) {
        XStream xstream = new XStream();
        xstream.setClassLoader(Numbers.class.getClassLoader());
        xstream.allowTypes(new Class[] {Trigger.class});
        xstream.alias("trigger", Trigger.class);
        Trigger read = (Trigger) xstream.fromXML(
            "<trigger><first>010</first><second>0x10</second><third>4294967295</third></trigger>");
        System.out.println(read.first + " " + read.second + " " + read.third);
    }
}
END
seen=$(java -cp 'jars/*' Numbers.java)
echo "$seen"
[ "$seen" = "8 16 -1" ]
