from django.test import SimpleTestCase, override_settings
from django.urls import reverse

PLAIN = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


@override_settings(STORAGES=PLAIN, COMPRESS_ENABLED=False)
class LevelTests(SimpleTestCase):
    def test_the_level_shows_where_the_van_is(self) -> None:
        answer = self.client.get(reverse("level"), {"program": "forwards left forwards"})
        self.assertContains(answer, "the van is at 1, 1")
        self.assertContains(answer, "/static/game/van.svg")
