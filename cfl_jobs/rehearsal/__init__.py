"""Rehearsal: runs the jobs of a JENKINS_HOME-like directory on this machine, without Jenkins."""
