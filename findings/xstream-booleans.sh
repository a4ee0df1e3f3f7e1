#!/usr/bin/env bash
# XStream 1.4.21, which reads every config.xml of Jenkins: a boolean field is true only for "true",
# in any case of letters. "yes", "1" and " true" with a blank in front are false, without an error,
# while an int field refuses a blank. Seen: "true false false false", then the name of the error.
# Needs a JDK (17 or later) and Maven.
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
cat >Booleans.java <<'END'
import com.thoughtworks.xstream.XStream;

public class Booleans {
    public static class Step { boolean flag; int number; }

    static Step read(XStream xstream, String field) {
        return (Step) xstream.fromXML("<step>" + field + "</step>");
    }

    public static void main(String[] arguments) {
        XStream xstream = new XStream();
        xstream.setClassLoader(Booleans.class.getClassLoader());
        xstream.allowTypes(new Class[] {Step.class});
        xstream.alias("step", Step.class);
        for (String text : new String[] {"TRUE", "yes", "1", " true"}) {
            System.out.print(read(xstream, "<flag>" + text + "</flag>").flag + " ");
        }
        try {
            read(xstream, "<number> 1</number>");
        } catch (RuntimeException error) {
            System.out.println(error.getClass().getSimpleName());
        }
    }
}
END
seen=$(java -cp 'jars/*' Booleans.java)
echo "$seen"
[ "$seen" = "true false false false ConversionException" ]
