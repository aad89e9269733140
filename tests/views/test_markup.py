from reliefscope.views.markup import element, joined


def test_text_and_attributes_are_escaped():
    """Nothing from outside becomes markup, wherever it stands."""
    hostile = "\"'><script>alert(1)</script>"
    made = element("p", hostile, title=hostile, data_x=hostile)
    assert "<script>" not in made
    assert made.count("<") == 2


def test_nested_elements_stay_markup():
    assert element("p", element("b", "a & b"), [None, "c"]) == "<p><b>a &amp; b</b>c</p>"


def test_flags_stand_alone_and_nothing_is_left_out_by_mistake():
    """True is a bare attribute, None and False none at all, and 0 is a value."""
    made = element("input", disabled=True, checked=False, id=None, min=0)
    assert made == '<input disabled min="0">'
    assert joined("a", None, "b") == "ab"
