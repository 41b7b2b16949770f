"""Data sets: what is read equals the file, and what is wrong with a file is said in one sentence."""

import bz2
import gzip
import hashlib
import io
import urllib.error
import urllib.request
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from snnmi import data, vision
from tests.helpers import flipped

# --- names, shrinking, the embedded digits


def test_unknown_name_lists_the_known_ones():
    known = r"\['digits', 'emnist', .*'faces', 'fashion', 'kmnist', 'mnist', 'nmnist', 'qmnist', 'saccades', 'usps'\]"
    with pytest.raises(ValueError, match=f"'cifar' is unknown: expected one of {known}"):
        data.load("cifar")


def test_shrinking_averages_squares(digits, monkeypatch):
    x = torch.arange(6 * 16 * 24).view(6, 16, 24) / 2304
    six = data.Dataset("digits", x, digits.y_train[:6], x, digits.y_train[:6])
    monkeypatch.setattr(data, "OWN", {loader := lambda download: six})
    monkeypatch.setitem(data.LOADERS, "digits", loader)
    squares = x.view(6, 8, 2, 12, 2).mean((2, 4))
    torch.testing.assert_close(data.load("digits", shrink=2).x_train, squares)
    with pytest.raises(ValueError, match="16x24 pixels, which 3 does not divide"):
        data.load("digits", shrink=3)
    with pytest.raises(ValueError, match="16x24 pixels: shrunk by 4 less than 8 a side are left"):
        data.load("digits", shrink=4)


def test_digits_are_embedded_and_every_fifth_is_a_test_image(places):
    from sklearn.datasets import load_digits

    digits, (images, labels) = data.load("digits"), load_digits(return_X_y=True)
    assert (digits.image_shape, digits.num_classes) == ((8, 8), 10)
    assert (len(digits.x_train), len(digits.x_test)) == (1438, 359)
    np.testing.assert_array_equal(digits.x_test.flatten(1) * 16, images[4::5])
    np.testing.assert_array_equal(digits.y_train[:5], labels[[0, 1, 2, 3, 5]])
    assert digits.x_train.min() == 0 and digits.x_train.max() == 1


# --- MNIST


CONTENTS = {
    "train-images-idx3-ubyte": np.arange(24, dtype=np.uint8).reshape(2, 3, 4) * 10,
    "train-labels-idx1-ubyte": np.array([1, 0], np.uint8),
    "t10k-images-idx3-ubyte": np.full((1, 3, 4), 255, np.uint8),
    "t10k-labels-idx1-ubyte": np.array([1], np.uint8),
}


def idx(array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def mnist_place(places, monkeypatch):
    """Where three images count as MNIST."""
    for name, array in CONTENTS.items():
        monkeypatch.setitem(vision.MNIST_SHA256, name, hashlib.sha256(idx(array)).hexdigest())
    return places


MNIST_FORMS = {  # a folder, what files are called there, and how they are packed
    "torchvision's": ("MNIST/raw", "{}.gz", gzip.compress),
    "by a browser, again": ("", "{} (1).gz", gzip.compress),
    "packed again": ("MNIST", "{}.gz", lambda content: gzip.compress(content, 1)),
    "unpacked, called otherwise": ("MNIST/raw", "{}.gz", bytes),
}


@pytest.mark.parametrize("folder, called, packed", MNIST_FORMS.values(), ids=MNIST_FORMS)
def test_mnist_is_read_wherever_its_files_were_put(mnist_place, folder, called, packed):
    (mnist_place / folder).mkdir(parents=True, exist_ok=True)
    for name, array in CONTENTS.items():
        name = name.replace("-idx", ".idx") if packed is bytes else name
        (mnist_place / folder / called.format(name)).write_bytes(packed(idx(array)))
    mnist = data.load("mnist", download=False)
    np.testing.assert_allclose(mnist.x_train, CONTENTS["train-images-idx3-ubyte"] / 255, rtol=1e-6)
    assert mnist.y_train.tolist() == [1, 0] and mnist.x_test.unique().tolist() == [1]
    assert mnist.y_test.tolist() == [1]


def test_what_is_missing_of_mnist_is_named_with_a_folder_that_works(mnist_place):
    names = [f"{name}.gz" for name in CONTENTS]
    (mnist_place / names[1]).write_bytes(idx(CONTENTS["train-labels-idx1-ubyte"]))
    said = f"{names[0]}, {names[2]}, {names[3]} missing: put what is missing into {mnist_place},"
    with pytest.raises(FileNotFoundError, match=said):
        data.load("mnist", download=False)
    for name, array in CONTENTS.items():
        (mnist_place / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    assert len(data.load("mnist", download=False).x_test) == 1


def test_a_folder_that_is_not_there_is_said_to_be_so(places, monkeypatch):
    monkeypatch.setenv("SNNMI_DATA", "~/no/such/folder")
    with pytest.raises(FileNotFoundError, match=r"into /.*/no/such/folder, .* which is not there"):
        data.load("faces", download=False)


OTHER = "SHA-256 [0-9a-f]{64}, expected ba891046"
DAMAGED = {
    "a flipped byte": (flipped(gzip.compress(bytes(1000)), 20), "cannot be unpacked"),
    "other content": (gzip.compress(bytes(1000)), OTHER),
    "a page": (b"<html>404</html>", OTHER),
}


@pytest.mark.parametrize("damaged, found", DAMAGED.values(), ids=DAMAGED)
def test_damaged_mnist_file_is_refused(places, damaged, found):
    (places / "MNIST/raw").mkdir(parents=True)
    for name in vision.MNIST.files:
        (places / f"MNIST/raw/{name}.gz").write_bytes(damaged)
    with pytest.raises(ValueError, match=f"train-images-idx3-ubyte.gz .*{found}.*: put the right one"):
        data.load("mnist")


def test_mnist_is_the_published_one(data_folder):
    mnist = data.load("mnist", download=False)
    assert (mnist.x_train.shape, mnist.x_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert (mnist.y_train[:5].tolist(), mnist.y_test[:5].tolist()) == ([5, 0, 4, 1, 9], [7, 2, 1, 0, 4])
    assert mnist.x_train.mean().item() == pytest.approx(0.1307, abs=1e-4)  # as everybody normalises it


# --- MNIST's kin, and whatever else torchvision has


def pictures(n, high=12, wide=8):
    """n pictures of two classes by turns: one bright on the left, one below."""
    x = np.zeros((n, high, wide), np.uint8)
    x[::2, :, 0], x[1::2, -1, :] = 255, 200
    return x


def labels(n, first=0, columns=0):
    y = np.arange(n) % 2 + first
    return np.stack([y, *[y * 0 + 7] * columns], 1).astype(">i4") if columns else y.astype(np.uint8)


def idx_of(array):
    """IDX of bytes, or of big-endian numbers of four bytes."""
    return idx(array)[:2] + bytes([12 if array.dtype.itemsize == 4 else 8]) + idx(array)[3:]


def usps(x, y):
    lines = [
        f"{label + 1} " + " ".join(f"{i}:{v / 127.5 - 1}" for i, v in enumerate(p.flat, 1))
        for p, label in zip(x, y)
    ]
    return bz2.compress("\n".join(lines).encode())


KIN = {  # where the files lie, and what the training and the test files hold
    "fashion": ("FashionMNIST/raw", "{}-{}-ubyte", ("train", "t10k"), {}),
    "kmnist": ("KMNIST", "{}-{}-ubyte.gz", ("train", "t10k"), {}),
    "qmnist": ("", "qmnist-{}-{}-ubyte", ("train", "test"), {"columns": 7}),
    "emnist": ("EMNIST/raw", "emnist-balanced-{}-{}-ubyte.gz", ("train", "test"), {}),
    "emnist_letters": ("", "emnist-letters-{}-{}-ubyte", ("train", "test"), {"first": 1}),
}


@pytest.mark.filterwarnings("ignore:emnist_letters. labels 1, 2 are read as classes 0 to 1")
@pytest.mark.parametrize("name", KIN)
def test_mnists_kin_are_read_by_name_from_files_laid_in_a_folder(places, name):
    folder, called, parts, how = KIN[name]
    (places / folder).mkdir(parents=True, exist_ok=True)
    for part, n in zip(parts, (6, 4)):
        for what, array in (("images-idx3", pictures(n)), ("labels-idx1", labels(n, **how))):
            place = called.format(part, what)
            if "columns" in how:
                place = place.replace("labels-idx1-ubyte", "labels-idx2-int")
            pack = gzip.compress if place.endswith(".gz") else bytes
            (places / folder / place).write_bytes(pack(idx_of(array)))
    found = data.load(name, download=False)
    x = pictures(6).swapaxes(1, 2) if "emnist" in name else pictures(6)  # whose pictures lie on their side
    np.testing.assert_array_equal(found.x_train, torch.from_numpy(x.copy()) / 255)
    assert (found.y_train.tolist(), len(found.x_test)) == ([0, 1] * 3, 4)
    assert found.name.startswith(f"{name}-") and not data.is_own(name)
    packed = data.files([name])
    assert len(packed) == 4 and packed[0][1].startswith(f"{data.LOADERS[name].kind}/raw/")


def test_usps_is_read_by_name(places):
    for name, n in (("usps.bz2", 6), ("usps.t.bz2", 4)):
        (places / name).write_bytes(usps(pictures(n, 16, 16), labels(n)))
    found = data.load("usps", download=False)
    assert found.x_train[0, 0, :2].tolist() == [1, 0] and found.y_test.tolist() == [0, 1, 0, 1]
    assert [place for _, place in data.files(["usps"])] == ["usps.bz2", "usps.t.bz2"]


@pytest.mark.parametrize("damaged", [b"", b"<html>404</html>", idx(pictures(6))[:-5]])
def test_fashion_does_not_take_mnists_files_for_its_own_and_says_where_its_own_cannot_be_read(
    places, damaged
):
    (places / "FashionMNIST").mkdir()
    for name in CONTENTS:
        (places / name).write_bytes(idx(CONTENTS[name]))
    with pytest.raises(FileNotFoundError, match="FashionMNIST/raw/train-images-idx3-ubyte.gz, .*missing"):
        data.load("fashion", download=False)
    for name in CONTENTS:
        (places / "FashionMNIST" / name).write_bytes(damaged)
    with pytest.raises(ValueError, match=f"'fashion': files in {places}.*cannot be read.*: put the right"):
        data.load("fashion")


def test_colour_pictures_of_any_class_of_torchvision_are_made_grey(places, monkeypatch):
    def pictures_of(root, part, download):
        if not (places / "two").exists():
            raise RuntimeError("Dataset not found or corrupted.\nYou can use download=True to download it")
        colours = [np.stack([p, p // 2, p * 0], -1) for p in pictures(6 if part else 4)]
        return [(Image.fromarray(x), i % 2) for i, x in enumerate(colours)]

    monkeypatch.setattr(vision.torchvision_datasets(), "Two", pictures_of, raising=False)
    monkeypatch.setitem(data.LOADERS, "two", vision.Pictures("Two", ({"part": 1}, {"part": 0})))
    with pytest.raises(
        FileNotFoundError, match=f"torchvision.datasets.Two reads missing.*{places}.*not found"
    ):
        data.load("two", download=False)
    (places / "two").touch()
    found = data.load("two", download=False)
    grey = int(255 * 0.299 + 127 * 0.587) / 255
    assert found.x_train[0, 0, :2].tolist() == pytest.approx([grey, 0], abs=0.01) and len(found.y_test) == 4


def test_torchvision_built_for_cuda_is_imported_beside_a_torch_built_for_cpus():
    assert vision.torchvision_datasets().MNIST.__name__ == "MNIST"
    from torchvision import transforms  # as whoever comes later can

    assert transforms.Grayscale


# --- faces: 400 made-up pictures whose corner pixels say whose they are and which


def pgm(person, picture, header=b"P5\n92 112\n255\n"):
    pixels = np.zeros((112, 92), np.uint8)
    pixels[0, :2] = person, picture
    return header + pixels.tobytes()


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


HEADERS = [  # as other tools write them
    b"P5\n# by hand\n92 112\n255\n",
    b"P5\n92 112\n# GIMP\n# 2.10\n255\n",
    b"P5 92 112 255\n",
]
LITTER = dict.fromkeys(["__MACOSX/s1/1.pgm", "s1/._4.pgm", "s1/"], b"")  # more of it: `test_recordings`
FORMS = {
    "zip": lambda: as_zip(FACES),
    "zip with a folder and what systems leave about": lambda: as_zip(
        {f"orl/faces/{name}": face for name, face in FACES.items()} | LITTER
    ),
    "zip with names that point out of it": lambda: as_zip({f"../../{n}": face for n, face in FACES.items()}),
    "zip of other tools, names in other case": lambda: as_zip(
        {f"S{p}/{n}.PGM": pgm(p, n, HEADERS[n % 3]) for p, n in PICTURES}
    ),
    "nested folder": "att_faces/inner",
    "folder in other case": "ATT_Faces",
    "the given folder itself": "",
}


@pytest.mark.parametrize("name", ["att_faces (1).zip", "ATT_FACES(12).ZIP"])
def test_faces_that_a_browser_numbered_are_found_where_there_are_no_others(faces_place, name):
    (faces_place / name).write_bytes(as_zip(FACES))
    assert len(data.load("faces", download=False).x_test) == 80
    (faces_place / "att_faces.zip").write_bytes(b"another")
    with pytest.raises(ValueError, match="att_faces.zip is not a readable zip"):
        data.load("faces", download=False)


@pytest.mark.parametrize("form", FORMS)
def test_faces_are_split_in_text_order(faces_place, form):
    if callable(FORMS[form]):
        (faces_place / "att_faces.zip").write_bytes(FORMS[form]())
    else:
        as_folder(faces_place / FORMS[form], FACES)
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
    "no zip": (b"<html>404</html>", "not a readable zip"),
    "damaged member": (flipped(as_zip(FACES, zipfile.ZIP_STORED), 3000), "s1/1.pgm cannot be read"),
    "missing": (another(None), r"lacks s7/3.pgm, expected s1/1.pgm \.\.\. s40/10.pgm"),
    "short": (another(FACE[:-1]), "s7/3.pgm cannot be read"),
    "other format": (another(b"P2" + FACE[2:]), "s7/3.pgm cannot be read"),
    "other size": (another(FACE.replace(b"92 112", b"92 111")), "SHA-256"),
    "other picture": (another(pgm(7, 4)), f"SHA-256 [0-9a-f]{{64}}, expected {MADE_UP_SHA256}"),
}


@pytest.mark.parametrize("content, found", WRONG_FACES.values(), ids=WRONG_FACES)
def test_wrong_faces_are_refused_in_one_sentence(faces_place, content, found):
    path = faces_place / "att_faces.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=found) as error:
        data.load("faces", download=False)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_the_faces_are_the_published_ones(data_folder):
    """By the SHA-256 of their pixels; how these are split is seen on made-up ones."""
    faces, small = (data.load("faces", shrink=factor, download=False) for factor in (1, 4))
    assert (len(faces.x_train), len(faces.x_test)) == (320, 80)
    assert (faces.image_shape, small.image_shape) == ((112, 92), (28, 23))


# --- where files come from


@pytest.mark.parametrize("download", [False, True])
@pytest.mark.parametrize("name", ["mnist", "faces", *vision.BY_NAME])
def test_without_files_and_network_it_says_where_to_put_them(places, name, download):
    absent = f"data set '{name}' is not on this machine.*SNNMI_DATA"
    with pytest.raises(FileNotFoundError, match=absent) as error:
        data.load(name, download=download)
    assert ("download" in str(error.value)) is download and str(places) in str(error.value)


class Served(io.BytesIO):
    """What a server answers to torchvision."""

    def __init__(self, url, content):
        super().__init__(content)
        self.url, self.length = url, len(content)


def serve(monkeypatch, contents):
    """A server that has these files; what is asked of it goes to the list that is returned."""
    asked = []

    def urlopen(request, **how):
        asked.append(request.full_url)
        return Served(request.full_url, contents[request.full_url.rpartition("/")[2]])

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def test_faces_are_downloaded_once_into_the_cache(faces_place, monkeypatch):
    asked = serve(monkeypatch, {"att_faces.zip": as_zip(FACES)})
    assert torch.equal(data.load("faces").x_test, data.load("faces").x_test)
    assert {*asked} == {data.FACES_URL} and len(asked) == 2  # after a look at where it is
    (kept,) = (faces_place.parent / "cache/snnmi").iterdir()
    assert kept.name == "att_faces.zip"
    kept.rename(faces_place / kept.name)
    kept.write_bytes(b"damaged")  # the given folder comes before the cache
    assert data.load("faces").num_classes == 40


PACKED = {f"{name}.gz": gzip.compress(idx(array)) for name, array in CONTENTS.items()}


def test_mnist_is_downloaded_once_into_the_cache_by_torchvision(mnist_place, monkeypatch):
    published = [(name, hashlib.md5(content).hexdigest()) for name, content in PACKED.items()]
    mnist = vision.torchvision_datasets().MNIST
    monkeypatch.setattr(mnist, "resources", published)
    asked = serve(monkeypatch, PACKED)
    assert data.load("mnist").y_train.tolist() == data.load("mnist").y_train.tolist() == [1, 0]
    assert sorted(set(asked)) == sorted(mnist.mirrors[0] + name for name in PACKED)
    assert len(asked) == 2 * len(PACKED)  # each once, after a look at where it is
    kept = [path.name for path in (mnist_place.parent / "cache/snnmi/MNIST/raw").iterdir()]
    assert sorted(kept) == sorted([*PACKED, *CONTENTS])


ANSWERS = {
    "a login page": b"<html>Please sign in</html>",
    "half a file": PACKED["t10k-labels-idx1-ubyte.gz"][:20],
    "nothing": b"",
}


@pytest.mark.parametrize("page", ANSWERS.values(), ids=ANSWERS)
def test_a_login_page_or_half_a_file_is_said_and_not_kept(places, monkeypatch, page):
    served = dict.fromkeys(["usps.bz2", "att_faces.zip", *PACKED], page)
    for name in ("mnist", "fashion", "usps", "faces"):
        serve(monkeypatch, served)
        said = f"{name}.*missing: put .* into {places}.*download failed"
        with pytest.raises(FileNotFoundError, match=said):
            data.load(name)
    assert not [path for path in places.parent.rglob("*") if path.is_file()]


# --- no home, no write


def test_without_a_home_directory_a_folder_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(data.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home directory")))
    monkeypatch.delenv("SNNMI_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="no home directory .* name a folder for them in SNNMI_DATA"):
        data.load("mnist")
    monkeypatch.setenv("SNNMI_DATA", str(tmp_path))  # which is enough
    with pytest.raises(FileNotFoundError, match="put what is missing into"):
        data.load("mnist", download=False)


def test_a_cache_that_is_a_file_is_said(monkeypatch, tmp_path):
    monkeypatch.delenv("SNNMI_DATA", raising=False)
    (tmp_path / "snnmi").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="download failed: .*(exists|Not a directory)"):
        data.load("faces")
