"""Settings of the Code for Life site. The apps are other repositories, in submodules/."""

import os
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
for app in ("ocargo", "portal"):
    sys.path.insert(0, str(BASE_DIR / "submodules" / app))

SECRET_FILE = BASE_DIR / "secret-key.txt"
SECRET_KEY = SECRET_FILE.read_text().strip() if SECRET_FILE.exists() else "only for building"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "codeforlife.urls"
WSGI_APPLICATION = "codeforlife.wsgi.application"
INSTALLED_APPS = ["django.contrib.staticfiles", "compressor", "portal", "game"]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "codeforlife" / "templates"],
        "APP_DIRS": True,
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "codeforlife" / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
COMPRESS_ENABLED = COMPRESS_OFFLINE = True
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
}

# Where the suites' JUnit results go (unittest-xml-reporting).
TEST_OUTPUT_DIR = os.environ.get("JUNIT_REPORTS", str(BASE_DIR / "reports"))
