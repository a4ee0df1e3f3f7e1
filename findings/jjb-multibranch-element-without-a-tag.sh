#!/usr/bin/env bash
# jenkins-job-builder 6.5.0: a multibranch job whose git has raw build strategies gets an element
# whose tag is None. ElementTree writes only what is inside, so the text looks right; whoever walks the
# tree and expects a name fails. Seen: one element without a tag, and a text that parses.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jenkins-job-builder==6.5.0 'setuptools==81.0.0'
cat >jobs.yaml <<'END'
- job:
    name: finding
    project-type: multibranch
    scm:
      - git:
          url: https://example.org/project.git
          build-strategies:
            - raw:
                xml: <strategy/>
END
cat >walk.py <<'END'
import xml.etree.ElementTree as ET
from pathlib import Path

from jenkins_jobs.config import JJBConfig
from jenkins_jobs.loader import load_files
from jenkins_jobs.registry import ModuleRegistry
from jenkins_jobs.roots import Roots
from jenkins_jobs.xml_config import XmlJobGenerator

config = JJBConfig()
config.validate()
roots = Roots(config)
load_files(config, roots, [Path("jobs.yaml")])
registry = ModuleRegistry(config, [])
registry.set_macros(roots.macros)
root = XmlJobGenerator(registry).generateXML(roots.generate_jobs())[0].xml
print(sum(element.tag is None for element in root.iter()), ET.fromstring(ET.tostring(root)).tag)
END
venv/bin/python -W ignore walk.py 2>log | tee seen
[ "$(cat seen)" = "1 org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject" ]
