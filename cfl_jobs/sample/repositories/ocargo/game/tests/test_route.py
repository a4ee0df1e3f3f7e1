from django.test import SimpleTestCase

from game.route import drive


class RouteTests(SimpleTestCase):
    def test_the_van_drives_on(self) -> None:
        self.assertEqual(drive(["forwards", "forwards"]), (2, 0))

    def test_the_van_turns_left_and_right(self) -> None:
        self.assertEqual(drive(["left", "forwards", "right", "forwards"]), (1, 1))

    def test_four_left_turns_lead_back(self) -> None:
        self.assertEqual(drive(["forwards", "left"] * 4), (0, 0))

    def test_an_unknown_move_is_refused(self) -> None:
        with self.assertRaisesMessage(ValueError, "upwards"):
            drive(["upwards"])
