"""Recordings of event cameras: five bytes an event, checked, binned where they belong; made ones move as they must."""

import shutil
import zipfile

import numpy as np
import pytest
import torch

from snnmi import data, recordings
from snnmi.recordings import binned, events, saccades


def recording(*found) -> bytes:
    """The bytes of (x, y, polarity, time)s."""
    return b"".join(bytes([x, y]) + (up << 23 | time).to_bytes(3, "big") for x, y, up, time in found)


def archive(path, **changes):
    """An N-MNIST of two classes and eight recordings, some of them changed, some others beside them."""
    found = {
        f"some/{part}/{label}/0000{number}.bin": recording(
            (2 * number, 4 + label, 1, 0), (5, 5, 0, 600 * number)
        )
        for part in ("Train", "Test")
        for label in (0, 1)
        for number in (1, 2)
    }
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in (found | changes).items():
            packed.writestr(name, content)
    return path


def test_an_event_is_five_bytes():
    found = events(recording((3, 33, 1, 0), (33, 0, 0, 0x7FFFFF)), "r")
    assert found.tolist() == [[3, 33, 1, 0], [33, 0, 0, 0x7FFFFF]]
    assert events(b"", "r").shape == (0, 4)


@pytest.mark.parametrize(
    "content, said",
    [
        (recording((1, 1, 1, 5))[:-1], "r is 4 bytes, expected five for each event: it is cut off"),
        (recording((1, 1, 1, 5), (34, 1, 1, 6)), "r: event 1 lies at 34, 1, expected within 34x34 pixels"),
        (recording((1, 1, 1, 5), (1, 1, 1, 4)), "r: event 1 is earlier than .*, expected events in order"),
    ],
)
def test_a_damaged_recording_is_refused_by_name(content, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        events(content, "r")


def test_events_fall_into_their_bins_polarities_and_pixels():
    image = binned(np.array([[0, 0, 1, 100], [3, 2, 0, 399], [33, 33, 1, 699]]), steps=6).view(6, 2, 17, 17)
    assert image.sum() == 3
    assert image[0, 0, 0, 0] == 1  # brighter, in the first bin
    assert image[2, 1, 1, 1] == 1  # darker, after 299 of 600 microseconds
    assert image[5, 0, 16, 16] == 1


def test_an_empty_recording_is_black_and_one_instant_is_one_bin():
    assert binned(events(b"", "r")).sum() == 0
    at_once = binned(np.array([[0, 0, 1, 7], [8, 8, 0, 7]])).view(6, 2, 17, 17)
    assert at_once[0].sum() == 2 and at_once.sum() == 2


def test_what_does_not_move_across_an_edge_makes_no_event():
    assert saccades(torch.zeros(2, 4, 4)).sum() == 0
    lit = torch.zeros(1, 4, 4)
    lit[0, 1, 1] = 1.0
    film = saccades(lit, steps=4).view(4, 2, 6, 6)
    # one pixel comes, one goes, at each of the square's sides
    assert film.sum((2, 3)).tolist() == [[1, 1]] * 4
    assert film[0, 0, 3, 2] == 1 and film[0, 1, 2, 2] == 1  # a row down


def test_saccades_are_the_digits_with_their_split():
    made, digits = data.load("saccades"), data.load("digits")
    assert made.image_shape == (6 * 2 * 10, 10) and torch.equal(made.y_test, digits.y_test)
    assert set(made.x_train.unique().tolist()) == {0, 1} and 0.05 < made.x_train.mean() < 0.3


LITTER = """__MACOSX/some/Train/0/._00001.bin some/Train/0/._00001.bin some/Train/0/.00001.bin
    some/@eaDir/Train/0/00001.bin $RECYCLE.BIN/Train/1/00001.bin .Trash-1000/files/some/Train/0/00009.bin
    some/.ipynb_checkpoints/Train/0/00001.bin some/Train/0/Thumbs.db""".split()


def test_a_zip_a_folder_and_what_tonic_and_systems_leave_give_the_same_recordings(places):
    """`tonic.datasets.NMNIST(save_to=place)`: NMNIST/Train and NMNIST/Test, what was downloaded beside them."""
    path = archive(places / "nmnist_sample.zip")
    clean = data.load("nmnist")
    assert clean.x_train.shape == (4, 6 * 2 * 17, 17) and clean.y_test.tolist() == [0, 0, 1, 1]
    assert clean.name.startswith("nmnist-")  # by what it holds
    with zipfile.ZipFile(path, "a") as packed:
        packed.mkdir("some/Train/0/folder.bin")
        for name in LITTER:
            packed.writestr(name, b"\0\5\x16\7\0\2\0")
    assert torch.equal(data.load("nmnist").x_train, clean.x_train)
    with zipfile.ZipFile(path) as members:
        members.extractall(places / "N-MNIST")
    path.unlink()
    for of_tonic in (False, True):
        if of_tonic:
            shutil.move(places / "N-MNIST/some", places / "NMNIST")
            shutil.rmtree(places / "N-MNIST")
            (places / "NMNIST/train.zip").write_bytes(b"downloaded")
        unpacked = data.load("nmnist")
        assert torch.equal(unpacked.x_train, clean.x_train) and unpacked.name == clean.name


COPY = recording((2, 4, 1, 0))
REFUSED = [
    ("some/Test/1/00002.bin", b"123", "some/Test/1/00002.bin is 3 bytes, expected five"),
    ("some/Train/0/00001.bin", recording((40, 0, 1, 0)), "some/Train/0/00001.bin: event 0 lies at 40, 0"),
    # what would count as more of them
    ("Train/1/00001.bin", COPY, "has both Train/ and some/Train/, expected one Train"),
    ("some/test/1/00001.bin", COPY, "has both some/Test/ and some/test/, expected one Test"),
    ("some/Train/00/00001.bin", COPY, "has both some/Train/0 and some/Train/00, expected one Train"),
    ("some/Train/0/00001 (1).bin", COPY, r"some/Train/0/00001 \(1\).bin is no number as others are"),
]


@pytest.mark.parametrize("name, content, said", REFUSED)
def test_a_damaged_recording_or_a_copy_among_the_others_is_named(places, name, content, said):
    archive(places / "nmnist_sample.zip", **{name: content})
    with pytest.raises(ValueError, match=f"nmnist_sample.zip:? {said}"):
        data.load("nmnist")


def test_names_of_ones_own_and_of_windows_and_browsers_are_read(places):
    path = archive(places / "nmnist_sample.zip")
    clean = data.load("nmnist")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(places / "n-mnist (2).ZIP", "w") as new:
        for name in old.namelist():
            new.writestr(name.replace("/", "\\").replace("0000", "take-"), old.read(name))
    path.unlink()
    assert torch.equal(data.load("nmnist").x_train, clean.x_train)


def test_what_is_no_archive_of_recordings_says_what_was_expected(places):
    absent = "'nmnist' is not on this machine, nmnist_sample.zip or a folder or zip"
    with pytest.raises(FileNotFoundError, match=absent):
        data.load("nmnist")
    (places / "nmnist_sample.zip").write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match="nmnist_sample.zip is not a readable zip .* expected N-MNIST"):
        data.load("nmnist")
    with zipfile.ZipFile(places / "nmnist_sample.zip", "w") as packed:
        packed.writestr("readme.bin", b"")
    lacks = "lacks Train/0/\\*.bin to Train/9/\\*.bin, expected recordings of N-MNIST"
    with pytest.raises(ValueError, match=lacks):
        data.load("nmnist")


def test_nmnists_sample_is_the_published_one(data_folder):
    if not (data_folder / recordings.SAMPLE).exists():
        pytest.skip("no N-MNIST here")
    found = data.load("nmnist")
    assert (found.x_train.shape, found.x_test.shape) == ((1000, 204, 17), (100, 204, 17))
    assert found.name == "nmnist-03555933"
