"""What tests of the model share."""


def close(found, expected, relative=1e-5):
    """Equal shapes, and values that differ by no more than a share of the largest."""
    scale = float(expected.abs().max())
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= relative * scale
