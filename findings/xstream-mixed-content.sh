#!/usr/bin/env bash
# XStream 1.4.21, which reads every config.xml of Jenkins: a text field ends at its first child
# element. What follows is gone without an error, so a script with markup that was not escaped loses
# its rest. Seen: "one, next field: kept". Needs a JDK (17 or later) and Maven.
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
cat >Texts.java <<'END'
import com.thoughtworks.xstream.XStream;

public class Texts {
    public static class Step { String script; String next; }

    public static void main(String[] arguments) {
        XStream xstream = new XStream();
        xstream.setClassLoader(Texts.class.getClassLoader());
        xstream.allowTypes(new Class[] {Step.class});
        xstream.alias("step", Step.class);
        Step read = (Step) xstream.fromXML(
            "<step><script>one<b>two</b>three</script><next>kept</next></step>");
        System.out.println(read.script + ", next field: " + read.next);
    }
}
END
seen=$(java -cp 'jars/*' Texts.java)
echo "$seen"
[ "$seen" = "one, next field: kept" ]
