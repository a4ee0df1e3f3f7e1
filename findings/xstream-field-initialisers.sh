#!/usr/bin/env bash
# XStream 1.4.21, which reads every config.xml of Jenkins, makes objects without their constructor: what
# a field is initialised with doesn't hold where the element is absent, a boolean is false then. Only
# a class's readResolve says otherwise. Seen: "true false". Needs a JDK (17 or later) and Maven.
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
cat >Initialisers.java <<'END'
import com.thoughtworks.xstream.XStream;

public class Initialisers {
    public static class Step { boolean clean = true; String name; }

    public static void main(String[] arguments) {
        XStream xstream = new XStream();
        xstream.setClassLoader(Initialisers.class.getClassLoader());
        xstream.allowTypes(new Class[] {Step.class});
        xstream.alias("step", Step.class);
        Step read = (Step) xstream.fromXML("<step><name>read</name></step>");
        System.out.println(new Step().clean + " " + read.clean);
    }
}
END
seen=$(java -cp 'jars/*' Initialisers.java)
echo "$seen"
[ "$seen" = "true false" ]
