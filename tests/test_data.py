"""Data sets: what is read equals the file, and what is wrong with a file is said in one sentence."""

import gzip
import hashlib
import io
import pickle
import re
import urllib.error
import urllib.request
import zipfile

import numpy as np
import pytest
import torch

from snnmi import data


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty SNNMI_DATA and an empty cache, and no network."""
    monkeypatch.setenv("SNNMI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()

    def unreachable(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    return tmp_path / "data"


def flipped(content, place):
    """One byte changed."""
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


# --- a user's own file


def arrays(**changes):
    """A good data set of six and three images, 5 x 7 pixels, three classes; None leaves a key out."""
    rng = np.random.default_rng(0)
    good = {
        "x_train": rng.random((6, 5, 7), dtype=np.float32),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": rng.random((3, 5, 7), dtype=np.float32),
        "y_test": np.array([2, 0, 1]),
    }
    return {key: value for key, value in (good | changes).items() if value is not None}


def saved(path, **changes):
    np.savez_compressed(path, **arrays(**changes))
    return path


def test_npz_is_read_as_it_was_written(tmp_path):
    dataset, written = data.load(saved(tmp_path / "mine.npz")), arrays()
    for key in written:
        np.testing.assert_array_equal(getattr(dataset, key), written[key])
    assert dataset.x_train.dtype == torch.float32 and dataset.y_train.dtype == torch.int64
    assert (dataset.image_shape, dataset.num_classes) == ((5, 7), 3)
    torch.testing.assert_close(dataset.class_mean(1), torch.from_numpy(written["x_train"][[1, 4]].mean(0)))
    assert torch.equal(dataset.example(2), dataset.x_test[0])


def test_npz_of_bytes_is_divided_by_255(tmp_path):
    images = np.arange(6 * 35, dtype=np.uint8).reshape(6, 5, 7)
    dataset = data.load(saved(tmp_path / "mine.npz", x_train=images))
    np.testing.assert_allclose(dataset.x_train, images / 255, rtol=1e-6)


def test_npz_of_other_number_types_means_the_same(tmp_path):
    expected, types = (
        data.load(saved(tmp_path / "a.npz")),
        {"x_train": ">f8", "y_train": ">i2", "y_test": "u1"},
    )
    others = {name: arrays()[name].astype(type) for name, type in types.items()}
    found = data.load(saved(tmp_path / "b.npz", **others))
    assert torch.equal(found.x_train, expected.x_train) and torch.equal(found.y_train, expected.y_train)
    assert torch.equal(found.y_test, expected.y_test)


def test_example_of_a_class_without_test_images_is_its_first_training_image(tmp_path):
    dataset = data.load(saved(tmp_path / "mine.npz", y_test=np.array([0, 0, 1])))
    assert torch.equal(dataset.example(2), dataset.x_train[2])
    with pytest.raises(ValueError, match="no image of class 3"):
        dataset.example(3)


def test_files_of_one_name_and_other_content_are_called_differently(tmp_path):
    (tmp_path / "other").mkdir()
    first = saved(tmp_path / "mine.npz")
    second = saved(tmp_path / "other/mine.npz", y_test=np.array([0, 0, 1]))
    names = {data.load(path).name for path in (first, second)}
    assert len(names) == 2 and all(name.startswith("mine-") for name in names)


X = arrays()["x_train"]


def changed(value):
    x = X.copy()
    x[3, 2, 1] = value
    return x


@pytest.mark.parametrize(
    "changes, found",
    [
        ({"x_test": None}, "lacks x_test"),
        ({"x_train": None, "y_test": None}, "lacks x_train, y_test"),
        ({"y_train": np.array([0, 1, 2, 0, 1, -1])}, "y_train has label -1"),
        ({"y_test": np.array([0, 1, 3])}, "y_test has label 3, expected at most 2"),
        ({"y_train": np.array([0, 1, 3, 0, 1, 3])}, "no image of class 2"),
        ({"y_train": np.array([1, 2, 3, 1, 2, 3])}, "no image of class 0"),
        ({"y_train": np.array([0, 1, 2, 0, 1, -1]).astype(np.uint32)}, "y_train"),  # -1 turned 4,294,967,295
        ({"y_train": np.array([0, 0, 0, 0, 0, 2**63], dtype=np.uint64)}, "y_train"),
        ({"y_train": np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])}, "float64"),
        ({"y_train": np.array([0, 1, 2])}, r"shape \(3,\), expected 6 whole numbers"),
        ({"y_test": np.eye(3, dtype=int)}, r"shape \(3, 3\)"),
        ({"x_train": changed(np.nan)}, "1 NaN or infinite"),
        ({"x_train": changed(np.inf)}, "1 NaN or infinite"),
        ({"x_train": changed(1.5)}, r"spans \[.*, 1.5\]"),
        ({"x_train": changed(-0.5)}, r"spans \[-0.5, "),
        ({"x_train": X * 255}, r"expected floats in \[0, 1\] \(or uint8\)"),
        ({"x_train": (X * 255).astype(np.int64)}, "x_train is int64, expected uint8"),
        ({"x_train": X.reshape(6, 35)}, r"x_train has shape \(6, 35\)"),
        ({"x_train": X[..., None]}, r"x_train has shape \(6, 5, 7, 1\)"),
        ({"x_test": X[:0], "y_test": np.array([], dtype=int)}, r"x_test has shape \(0, 5, 7\)"),
        ({"x_test": X[:3, :4]}, r"x_train images are \(5, 7\), x_test \(4, 7\), expected one size"),
    ],
)
def test_npz_with_a_mistake_is_refused_in_one_sentence(tmp_path, changes, found):
    path = saved(tmp_path / "mine.npz", **changes)
    with pytest.raises(ValueError, match=found) as error:
        data.load(path)
    message = str(error.value)
    assert str(path) in message and "expected" in message and "\n" not in message


class Bomb:
    def __reduce__(self):
        return (open, ("was-run", "w"))


@pytest.mark.parametrize("content", ["objects", "pickle", "text", "npy", "nothing"])
def test_what_is_no_npz_of_numbers_is_refused_and_never_run(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.npz"
    if content == "objects":
        np.savez(path, **arrays(x_train=np.array([Bomb()] * 6, dtype=object)))
    elif content == "npy":
        np.save(tmp_path / "mine.npy", X)
        (tmp_path / "mine.npy").rename(path)
    else:
        contents = {"pickle": pickle.dumps(Bomb()), "text": b"x_train,y_train\n", "nothing": b""}
        path.write_bytes(contents[content])
    with pytest.raises(ValueError, match="mine.npz"):
        data.load(path)
    assert not (tmp_path / "was-run").exists()


def test_damaged_npz_is_refused_wherever_the_damage_lies(tmp_path):
    """Any one byte changed: a ValueError that names the file, or (a byte of no meaning) the same images."""
    expected, path = data.load(saved(tmp_path / "good.npz")), tmp_path / "bad.npz"
    content, refused = (tmp_path / "good.npz").read_bytes(), 0
    for place in range(0, len(content), 5):
        path.write_bytes(flipped(content, place))
        try:
            assert torch.equal(data.load(path).x_train, expected.x_train)
        except ValueError as error:
            assert "bad.npz" in str(error)
            refused += 1
    assert refused > len(content) // 5 * 0.7


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_short_npz_is_refused(tmp_path, share):
    path = saved(tmp_path / "mine.npz")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match="mine.npz"):
        data.load(path)


def test_npz_that_is_not_there_is_called_by_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        data.load(tmp_path / "nowhere.npz")


def test_members_that_point_out_of_an_npz_stay_in_it(tmp_path):
    path = saved(tmp_path / "mine.npz")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../escaped.npy", b"anything")
    assert data.load(path).num_classes == 3
    assert {p.name for p in tmp_path.iterdir()} == {"mine.npz"}
    assert not (tmp_path.parent / "escaped.npy").exists()


# --- names, shrinking, the embedded digits


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(
        ValueError, match=r"'cifar' is unknown: expected one of \['digits', 'faces', 'mnist'\]"
    ):
        data.load("cifar")


def test_shrinking_averages_squares(tmp_path):
    x = np.arange(6 * 4 * 6, dtype=np.float32).reshape(6, 4, 6) / 144
    small = data.load(saved(tmp_path / "mine.npz", x_train=x, x_test=x[:3]), shrink=2)
    squares = [[x[:, i : i + 2, j : j + 2].mean((1, 2)) for j in (0, 2, 4)] for i in (0, 2)]
    np.testing.assert_allclose(small.x_train, np.moveaxis(squares, 2, 0), rtol=1e-6)
    with pytest.raises(ValueError, match="4x6 pixels, which 3 does not divide"):
        data.load(tmp_path / "mine.npz", shrink=3)


def test_digits_are_embedded_and_every_fifth_is_a_test_image(places):
    from sklearn.datasets import load_digits

    digits, (images, labels) = data.load("digits"), load_digits(return_X_y=True)
    assert (digits.image_shape, digits.num_classes) == ((8, 8), 10)
    assert (len(digits.x_train), len(digits.x_test)) == (1438, 359)
    np.testing.assert_array_equal(digits.x_test.flatten(1) * 16, images[4::5])
    np.testing.assert_array_equal(digits.y_train[:5], labels[[0, 1, 2, 3, 5]])
    assert digits.x_train.min() == 0 and digits.x_train.max() == 1


# --- MNIST


def test_idx_files_are_read_by_their_layout(places, monkeypatch):
    raw = places / "MNIST/raw"
    raw.mkdir(parents=True)
    contents = {
        "train-images-idx3-ubyte": np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10,
        "train-labels-idx1-ubyte": np.array([1, 0], np.uint8),
        "t10k-images-idx3-ubyte": np.full((1, 3, 4), 255, np.uint8),
        "t10k-labels-idx1-ubyte": np.array([1], np.uint8),
    }
    files = {}
    for name, array in contents.items():
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        (raw / f"{name}.gz").write_bytes(packed := gzip.compress(header + array.tobytes()))
        files[name] = (array.shape, hashlib.sha256(packed).hexdigest())
    monkeypatch.setattr(data, "MNIST_FILES", files)
    mnist = data.load("mnist")
    np.testing.assert_allclose(mnist.x_train, contents["train-images-idx3-ubyte"] / 255, rtol=1e-6)
    assert mnist.y_train.tolist() == [1, 0] and mnist.x_test.unique().tolist() == [1]
    assert mnist.y_test.tolist() == [1]


@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "text"])
def test_damaged_mnist_file_is_refused(places, damage):
    path = places / "MNIST/raw/train-images-idx3-ubyte.gz"
    path.parent.mkdir(parents=True)
    packed = gzip.compress(bytes(1000))
    damaged = {
        "flipped": flipped(packed, 20),
        "short": packed[:10],
        "empty": b"",
        "text": b"<html>404</html>",
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(ValueError, match="SHA-256 [0-9a-f]{64}, expected 440fcabf") as error:
        data.load("mnist")
    assert str(path) in str(error.value)


def test_mnist_is_the_published_one(data_folder):
    mnist = data.load("mnist", download=False)
    assert (mnist.x_train.shape, mnist.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert mnist.y_train.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert mnist.y_test.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert (mnist.y_train[:5].tolist(), mnist.y_test[:5].tolist()) == ([5, 0, 4, 1, 9], [7, 2, 1, 0, 4])
    assert mnist.x_train.min() == 0 and mnist.x_train.max() == 1
    assert mnist.x_train.mean().item() == pytest.approx(0.1307, abs=1e-4)  # as everybody normalises it


# --- faces: 400 made-up pictures whose corner pixels say whose they are and which


def pgm(person, picture, comment=b""):
    pixels = np.zeros((112, 92), np.uint8)
    pixels[0, :2] = person, picture
    return b"P5\n" + comment + b"92 112\n255\n" + pixels.tobytes()


PICTURES = [(person, picture) for person in range(1, 41) for picture in range(1, 11)]
FACES = {f"s{person}/{picture}.pgm": pgm(person, picture) for person, picture in PICTURES}
MADE_UP_SHA256 = hashlib.sha256(b"".join(face[-112 * 92 :] for face in FACES.values())).hexdigest()


@pytest.fixture
def faces_place(places, monkeypatch):
    monkeypatch.setattr(data, "FACES_SHA256", MADE_UP_SHA256)
    return places


def as_zip(members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def as_folder(folder, members):
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


COMMENTED = {f"s{person}/{picture}.pgm": pgm(person, picture, b"# by hand\n") for person, picture in PICTURES}
FORMS = {
    "zip": lambda: as_zip(FACES),
    "zip with a folder in it": lambda: as_zip({f"orl/faces/{name}": face for name, face in FACES.items()}),
    "zip with names that point out of it": lambda: as_zip({f"../../{n}": face for n, face in FACES.items()}),
    "comments": lambda: as_zip(COMMENTED),
    "folder": "",
    "nested folder": "inner",
}


@pytest.mark.parametrize("form", FORMS)
def test_faces_are_split_in_text_order(faces_place, form):
    if callable(FORMS[form]):
        (faces_place / "att_faces.zip").write_bytes(FORMS[form]())
    else:
        as_folder(faces_place / "att_faces" / FORMS[form], FACES)
    faces = data.load("faces", download=False)
    assert (faces.x_train.shape, faces.x_test.shape, faces.num_classes) == ((320, 112, 92), (80, 112, 92), 40)
    corners = (faces.x_train[:, 0, :2] * 255).round().long()
    assert corners[:8].tolist() == [[1, picture] for picture in (1, 10, 2, 3, 4, 5, 6, 7)]
    assert (faces.x_test[:4, 0, :2] * 255).round().tolist() == [[1, 8], [1, 9], [2, 8], [2, 9]]
    assert torch.equal(corners[:, 0] - 1, faces.y_train)
    assert not (faces_place.parent / "s1").exists() and not (faces_place.parent.parent / "s1").exists()


def another(face):
    """The zip with another third picture of the seventh person; None leaves it out."""
    return as_zip({n: f for n, f in (FACES | {"s7/3.pgm": face}).items() if f is not None})


FACE = FACES["s7/3.pgm"]
WRONG_FACES = {
    "short zip": (as_zip(FACES)[:-100], "not a readable zip"),
    "no zip": (b"<html>404</html>", "not a readable zip"),
    "damaged member": (flipped(as_zip(FACES, zipfile.ZIP_STORED), 3000), "s1/1.pgm cannot be read"),
    "missing": (another(None), r"lacks s7/3.pgm, expected s1/1.pgm \.\.\. s40/10.pgm"),
    "short": (another(FACE[:-1]), "s7/3.pgm is 10317 bytes, expected a binary PGM"),
    "long": (another(FACE + b"0"), "s7/3.pgm is 10319 bytes"),
    "other format": (another(b"P2" + FACE[2:]), "s7/3.pgm .* expected a binary PGM"),
    "empty": (another(b""), "s7/3.pgm is 0 bytes"),
    "other picture": (another(pgm(7, 4)), f"SHA-256 [0-9a-f]{{64}}, expected {MADE_UP_SHA256}"),
}


@pytest.mark.parametrize("content, found", WRONG_FACES.values(), ids=WRONG_FACES)
def test_wrong_faces_are_refused_in_one_sentence(faces_place, content, found):
    path = faces_place / "att_faces.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=found) as error:
        data.load("faces", download=False)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("place", [36, 40, 50, 60])
def test_a_damaged_compressed_member_is_refused(faces_place, place):
    (faces_place / "att_faces.zip").write_bytes(flipped(as_zip(FACES), place))
    with pytest.raises(ValueError, match="att_faces.zip"):
        data.load("faces", download=False)


def test_real_faces_are_split_and_shrunk(data_folder):
    faces, small = (data.load("faces", shrink=factor, download=False) for factor in (1, 4))
    assert (len(faces.x_train), len(faces.x_test)) == (320, 80)
    assert (faces.image_shape, small.image_shape) == ((112, 92), (28, 23))
    assert set(faces.y_train.bincount().tolist()) == {8} and set(faces.y_test.bincount().tolist()) == {2}
    np.testing.assert_allclose(small.x_test, faces.x_test.view(80, 28, 4, 23, 4).mean((2, 4)), atol=1e-6)
    with zipfile.ZipFile(data_folder / "att_faces.zip") as archive:
        for picture, index in (("s1/10.pgm", 1), ("s3/2.pgm", 18)):
            pixels = np.frombuffer(archive.read(picture)[-112 * 92 :], np.uint8).reshape(112, 92)
            np.testing.assert_allclose(faces.x_train[index] * 255, pixels, atol=1e-4)


# --- where files come from


@pytest.mark.parametrize("download", [False, True])
@pytest.mark.parametrize("name", ["mnist", "faces"])
def test_without_files_and_network_it_says_where_to_put_them(places, monkeypatch, name, download):
    def unreachable(root, download):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")

    from snnmi import _torchvision

    monkeypatch.setattr(_torchvision.datasets, "MNIST", unreachable)
    absent = f"data set '{name}' is not on this machine.*SNNMI_DATA"
    with pytest.raises(FileNotFoundError, match=absent) as error:
        data.load(name, download=download)
    assert ("download" in str(error.value)) is download and str(places) in str(error.value)


def test_faces_are_downloaded_once_into_the_cache(faces_place, monkeypatch):
    asked = []

    def served(url, timeout):
        asked.append(url)
        return io.BytesIO(as_zip(FACES))

    monkeypatch.setattr(urllib.request, "urlopen", served)
    assert torch.equal(data.load("faces").x_test, data.load("faces").x_test)
    assert asked == [data.FACES_URL]
    assert [path.name for path in (faces_place.parent / "cache/snnmi").iterdir()] == ["att_faces.zip"]


def test_given_folder_comes_before_the_cache(faces_place):
    (faces_place / "att_faces.zip").write_bytes(as_zip(FACES))
    cache = faces_place.parent / "cache/snnmi"
    cache.mkdir(parents=True)
    (cache / "att_faces.zip").write_bytes(b"damaged")
    assert data.load("faces").num_classes == 40


# --- a loader of the user's own


def register(monkeypatch, **parts):
    digits = data.load("digits")
    found = data.Dataset("any", *({**vars(digits), **parts}[key] for key in data.KEYS))
    monkeypatch.setitem(data.LOADERS, "mine", lambda: found)
    return found


def test_a_loader_of_ones_own_is_named_by_what_it_holds(monkeypatch):
    assert data.is_own("digits") and not data.is_own("mine.npz")
    found = register(monkeypatch)
    first, again = data.load("mine"), data.load("mine")
    assert first.name == again.name and re.fullmatch("mine-[0-9a-f]{8}", first.name)
    assert not data.is_own("mine") and torch.equal(first.x_test, found.x_test)
    register(monkeypatch, x_test=1 - found.x_test)
    assert data.load("mine").name != first.name


def test_a_data_set_of_the_projects_that_was_replaced_is_ones_own(monkeypatch):
    found = register(monkeypatch)
    monkeypatch.setitem(data.LOADERS, "digits", lambda: found)
    assert data.load("digits").name.startswith("digits-") and not data.is_own("digits")


def test_what_a_loader_gives_is_looked_at(monkeypatch):
    register(monkeypatch, x_train=2 * data.load("digits").x_train)
    with pytest.raises(ValueError, match=r"mine: x_train spans \[0, 2\], expected floats in \[0, 1\]"):
        data.load("mine")
    monkeypatch.setitem(data.LOADERS, "mine", dict)
    with pytest.raises(ValueError, match="mine: its loader gives a dict, expected a Dataset"):
        data.load("mine")
