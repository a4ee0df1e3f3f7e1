"""The recorded trial jobs of the chain, as the chain's value."""

from __future__ import annotations

from pathlib import Path

from cfl_jobs.configs.graph import Chain, build_chain
from cfl_jobs.configs.model import Job
from cfl_jobs.configs.read_model import read_job

CONFIGS = Path(__file__).parent / "data/jenkins/2.440.3/config"
NAMES = (
    "Publish Ocargo Files",
    "Publish Portal Files",
    "Publish Deploy Files",
    "Create Distribution",
    "Run Portal Tests",
    "Run Ocargo Tests",
    "Promote Distribution",
    "Deploy to Dev",
    "Deploy to Staging",
    "Deploy to Prod",
    "Ad-hoc distribution",
)


def read_trial_job(name: str, form: str = "posted") -> Job:
    config = (CONFIGS / f"{name}.{form}.xml").read_text(encoding="utf-8")
    return read_job(name, config)


def read_trial_chain(form: str = "posted") -> Chain:
    return build_chain(read_trial_job(name, form) for name in NAMES)
