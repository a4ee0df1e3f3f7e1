// agents.groovy: hands each agent its secret. Written by `cfl-jobs bootstrap`; to change it, change
// jobs/ and run that again.
//
// Jenkins runs it at each start, when jenkins.yaml has made the nodes. It derives the secret from
// the node's name and a key of its own, so a home that is restored hands out those it knows. Each
// directory below /var/agents is a volume that only the agent of that name has too.
import hudson.slaves.SlaveComputer
import java.nio.file.Files
import java.nio.file.Paths
import java.nio.file.StandardCopyOption
import jenkins.model.Jenkins

for (computer in Jenkins.get().computers) {
    def place = Paths.get('/var/agents', computer.name)
    if (computer instanceof SlaveComputer && Files.isDirectory(place)) {
        def draft = place.resolve('secret.new')
        Files.write(draft, computer.jnlpMac.bytes)
        Files.move(draft, place.resolve('secret'), StandardCopyOption.ATOMIC_MOVE)
    }
}
