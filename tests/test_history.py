"""What the mark's codes tell of a job's sections: which was which, which is gone, which moved."""

from __future__ import annotations

from cfl_jobs.configs.mark import fingerprint
from cfl_jobs.configs.normalform import Normal, normalise
from cfl_jobs.configs.sections import sections
from cfl_jobs.planning.history import History
from tests.rendered_jobs import job


def steps(scripts: str, *, kept: bool = False, own: str = "") -> Normal:
    """Return a job with a step for each letter; Jenkins `kept` it with a field of its own each."""
    field = "<notify>mail</notify>" if kept else ""
    builders = "".join(
        f"<hudson.tasks.Shell><command>{script}</command>{field}</hudson.tasks.Shell>"
        for script in scripts
    )
    return normalise(job(scripts=(), builders=builders + own).config, name="a")


def script(whole: Normal, text: str) -> Normal:
    """Return the section of a step."""
    found = [s for _, s in sections(whole) if (s.find("command") or s).text == text]
    return found[0]


def test_what_was_applied_and_what_was_kept_of_it_belong_together() -> None:
    """Though all have other codes, and though one of them is gone on either side."""
    applied, kept = steps("abc"), steps("abc", kept=True)
    history = History(steps("bc"), steps("ab", kept=True), fingerprint(applied), fingerprint(kept))
    for letter in "ab":
        (slot,) = history.slots_kept(script(kept, letter))
        assert (slot,) == tuple(history.slots_applied(script(applied, letter)))
    gone_here, gone_there = script(kept, "a"), script(applied, "c")
    assert history.lost_by_us(history.slots_kept(gone_here))
    assert not history.lost_by_them(history.slots_kept(gone_here))
    assert history.lost_by_them(history.slots_applied(gone_there))
    assert not history.lost_by_us(history.slots_applied(gone_there))


def test_what_jenkins_added_belongs_to_nothing() -> None:
    """A whole step beside one that it rewrote: their kinds tell which is which."""
    kept = steps("a", kept=True, own="<a.Own><x>1</x></a.Own>")
    history = History(steps("a"), kept, fingerprint(steps("a")), fingerprint(kept))
    (slot,) = history.slots_kept(script(kept, "a"))
    assert (slot,) == tuple(history.slots_applied(script(steps("a"), "a")))
    assert len([slot for slot in history.slots if not slot.applied]) == 1
    assert [slot for slot in history.slots if not slot.kept] == []
    assert history.has_lost_unpaired == (False, False)


def test_a_list_in_another_order_is_told_from_one_that_lost_something() -> None:
    """By its name, so that another list's order says nothing about it."""
    then = fingerprint(steps("abc"))
    history = History(steps("ac"), steps("bac"), then, then)
    assert history.ours.reordered == frozenset()
    assert history.theirs.reordered == frozenset({"builders"})


def test_what_both_lost_is_counted_unless_both_have_the_same_in_its_place() -> None:
    """An edit that was taken over into the definition isn't lost."""
    then = fingerprint(steps("ab"))
    assert History(steps("b"), steps("Ab"), then, then).count_lost_by_both() == 1
    assert History(steps("Ab"), steps("Ab"), then, then).count_lost_by_both() == 0
