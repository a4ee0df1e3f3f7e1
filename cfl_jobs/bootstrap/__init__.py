"""What a fresh Jenkins needs to be this server, as files and as steps on a running one."""
