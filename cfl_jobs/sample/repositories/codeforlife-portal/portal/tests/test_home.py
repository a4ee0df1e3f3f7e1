from django.test import SimpleTestCase, override_settings
from django.urls import reverse

PLAIN = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}


@override_settings(STORAGES=PLAIN, COMPRESS_ENABLED=False)
class HomeTests(SimpleTestCase):
    def test_home_leads_to_every_game(self) -> None:
        answer = self.client.get(reverse("home"))
        self.assertContains(answer, reverse("level"))
        self.assertContains(answer, "Rapid Router")

    def test_home_has_its_own_style(self) -> None:
        self.assertContains(self.client.get(reverse("home")), "/static/portal/home.css")
