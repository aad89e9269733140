"""Names find room beside their points, and never over one another."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from reliefscope.products.sheet.labels import Placer, text_size_mm


def test_first_choice_is_right_of_the_point():
    """With room all around, a name starts to the right of its point."""
    left, bottom, right, top = Placer((100, 100)).beside(50, 50, (20, 3), 1.5)
    assert left == 51.5
    assert (right - left, top - bottom) == (20, 3)


def test_no_room_no_name():
    """A name wider than the map is left out."""
    assert Placer((10, 10)).beside(5, 5, (20, 3), 1) is None


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0, 80), st.floats(2, 30)), min_size=1, max_size=40
    )
)
def test_names_stay_inside_and_apart(points):
    """Whatever the points, names lie on the map and do not overlap."""
    placer = Placer((100, 80))
    boxes = [placer.beside(x, y, (w, 3.0), 1.2) for x, y, w in points]
    placed = [b for b in boxes if b is not None]
    for left, bottom, right, top in placed:
        assert left >= 0
        assert bottom >= 0
        assert right <= 100
        assert top <= 80
    for a, b in combinations(placed, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_text_is_measured_with_the_shipped_font():
    """Twice the text is twice as wide, bold is wider, and $ is a letter like others."""
    width, height = text_size_mm("nnnn", 10)
    assert abs(text_size_mm("nnnnnnnn", 10)[0] / width - 2) < 0.05
    assert text_size_mm("nnnn", 10, "bold")[0] > width
    assert text_size_mm("$x^2$", 10)[0] > text_size_mm("x22", 10)[0]
    assert text_size_mm("$\\frac{$", 10)[0] > text_size_mm("frac", 10)[0]
    assert 3 < height < 4
