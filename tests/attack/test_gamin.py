"""GAMIN: one batched attack on K classes equals K plain ones, spends its queries, survives SIGKILL."""

import copy
from dataclasses import replace
from operator import attrgetter

import pytest
import torch

from snnmi.attack.blackbox import BlackBox, BudgetExceeded
from snnmi.attack.gamin import CURVES, PILOT, State, attack
from snnmi.attack.noises import IN_RANGE, NOISES
from snnmi.attack.pair import Pair
from snnmi.attack.players import FAMILIES, GaminConfig
from snnmi.chance import generator as stream
from snnmi.checkpoint import Checkpoint, flatten, overwrite
from tests.helpers import Interrupting, Killed, assert_same_tensors, seeded, unchecked

SMALL = GaminConfig(
    batches=12, batch_size=8, hidden=16, z_dim=6, lr_surrogate=1e-2, lr_generator=3e-2, k0=0.2, lam=0.05
)


def linear_target(pixels, classes, seed=5):
    """A target whose answers depend on its input and on nothing else."""
    weight = torch.randn(pixels, classes, generator=seeded(seed))
    return lambda x, *, generator: (x.flatten(1) @ weight).softmax(-1)


def attacked(config=SMALL, *, shape=(4, 5), classes=3, labels=None, seed=0, target=None, budget=None, **more):
    box = BlackBox(target or linear_target(shape[0] * shape[1], classes), seed=seed, budget=budget)
    labels = list(range(classes)) if labels is None else labels
    given = dict(image_shape=shape, num_classes=classes, labels=labels, seed=seed, **more)
    return attack(box, config, **given), box


# --- the algorithm against a plain one


def plain_attack(target, config, shape, classes, label, surrogate, generator, noise):
    """GAMIN on one class: ordinary modules and Adam, sums written out; `noise` holds every batch's draws."""
    adam_s = torch.optim.Adam(surrogate.parameters(), lr=config.lr_surrogate)
    adam_g = torch.optim.Adam(generator.parameters(), lr=config.lr_generator)
    k, history, kept, lowest = config.k0, [], None, float("inf")
    for x_n, z, z_steps in noise:
        with torch.no_grad():
            x_g = generator(z)
            t_n, t_g = target(x_n, generator=None), target(x_g, generator=None)
        l_n = l_g = 0
        for i in range(len(x_n)):
            s_n, s_g = surrogate(x_n)[i].softmax(0), surrogate(x_g)[i].softmax(0)
            l_n = l_n - sum(t_n[i, c] * s_n[c].log() for c in range(classes)) / len(x_n)
            l_g = l_g - sum(t_g[i, c] * s_g[c].log() for c in range(classes)) / len(x_n)
        adam_s.zero_grad()
        (l_n - k * l_g).backward()
        l_n, l_g = l_n.item(), l_g.item()
        m_global = l_n + abs(config.gamma * l_n - l_g)
        history.append({"L_N": l_n, "L_G": l_g, "k": k, "M_global": m_global})
        if m_global < lowest:
            lowest, kept = m_global, (copy.deepcopy(surrogate), copy.deepcopy(generator))
        adam_s.step()
        k = min(1, max(0, k + config.lam * (config.gamma * l_n - l_g)))
        for z in z_steps:
            adam_g.zero_grad()
            x = generator(z)
            down, across = (x[:, 1:] - x[:, :-1]).abs().mean(), (x[..., 1:] - x[..., :-1]).abs().mean()
            called = -surrogate(x).softmax(-1)[:, label].log().mean()
            (called + config.smooth * (down + across)).backward()
            adam_g.step()
    return history, kept, (surrogate, generator)


@pytest.mark.parametrize("family, smooth", [*((name, 0.0) for name in sorted(FAMILIES)), ("mlp", 3.0)])
def test_attack_on_k_classes_equals_k_plain_attacks_fed_the_same_noise(family, smooth):
    config = replace(SMALL, family=family, smooth=smooth, log_points=SMALL.batches)
    shape, classes, labels = (4, 5), 5, [3, 0, 4]
    target, count, half = linear_target(20, classes), 3, SMALL.batch_size // 2
    result, _ = attacked(config, shape=shape, classes=classes, labels=labels, target=target)
    first, draws = Pair.new(config, shape, classes, count, seed=0), []
    chance = stream("attacker's queries", 0)
    for _ in range(config.batches):
        x_n = torch.randn(count, half, *shape, generator=chance)
        z_g, *steps = (torch.randn(count, half, config.z_dim, generator=chance) for _ in range(3))
        draws.append((x_n, z_g, steps))
    z = torch.randn(count, 20, config.z_dim, generator=seeded(1))
    x = torch.rand(count, 20, *shape, generator=seeded(2))
    for i, label in enumerate(labels):
        surrogate, generator = FAMILIES[family](config, shape, classes)
        for module, name in ((surrogate, "surrogate"), (generator, "generator")):
            module.load_state_dict({key: value[i] for key, value in first.parameters[name].items()})
        own = [(x_n[i], z_g[i], [step[i] for step in steps]) for x_n, z_g, steps in draws]
        history, kept, last = plain_attack(target, config, shape, classes, label, surrogate, generator, own)
        for name in CURVES:
            plain = torch.tensor([batch[name] for batch in history])
            torch.testing.assert_close(result.history[name][:, i], plain, rtol=1e-3, atol=1e-4)
        for pair, (surrogate, generator) in ((result.last, last), (result.kept, kept)):
            torch.testing.assert_close(pair.G(z)[i], generator(z[i]), rtol=0, atol=2e-3)
            ours, theirs = pair.S(x)[i].softmax(-1), surrogate(x[i]).softmax(-1)
            torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-3)
    # both players have learnt far more than the comparison would overlook
    assert (result.last.G(z) - first.G(z)).abs().mean() > 0.02
    assert (result.last.S(x).softmax(-1) - first.S(x).softmax(-1)).abs().mean() > 0.02
    assert result.history["k"].std(0).min() > 0


def test_k_stays_between_0_and_1():
    for lam, expected in ((1e6, {0.0, 1.0}), (0.0, {SMALL.k0})):
        k = attacked(replace(SMALL, lam=lam, log_points=SMALL.batches))[0].history["k"]
        assert {round(value, 6) for value in k[1:].unique().tolist()} <= expected


# --- the kept pair


@pytest.mark.parametrize("window", [1, 4])
def test_kept_pair_is_the_one_of_lowest_mean_m_global(window):
    config = replace(SMALL, keep_window=window, log_points=SMALL.batches)
    result, _ = attacked(config, seed=2)
    curve = result.history["M_global"]
    means = curve.unfold(0, window, 1).mean(-1)  # of the batches b - window + 1 ... b
    torch.testing.assert_close(torch.tensor(result.kept_loss["M_global"]), means.min(0).values)
    batches = means.argmin(0) + window - 1
    assert result.kept_loss["batch"] == batches.tolist()
    for name in ("L_N", "L_G", "k"):
        then = result.history[name].gather(0, batches[None])[0]
        torch.testing.assert_close(torch.tensor(result.kept_loss[name]), then)
    # it is what an attack that stops before that batch ends with: training on leaves it alone
    assert batches.min() < config.batches - 1
    for i, batch in enumerate(batches.tolist()):
        there = Pair.new(config, (4, 5), 3, 3, seed=2)
        if batch:
            there = attacked(replace(config, batches=batch, keep_window=1), seed=2)[0].last
        for player in ("surrogate", "generator"):
            for key, value in result.kept.parameters[player].items():
                assert torch.equal(value[i], there.parameters[player][key][i])


def test_curves_are_means_between_points():
    every, coarse = (attacked(replace(SMALL, log_points=points))[0].history for points in (12, 2))
    assert every["batch"].tolist() == list(range(1, 13)) and coarse["batch"].tolist() == [6, 12]
    for name in CURVES:
        torch.testing.assert_close(coarse[name], every[name].view(2, 6, 3).mean(1))
    ragged = attacked(replace(SMALL, log_points=5))[0].history  # a point every 2 batches; 12 / 2 = 6 points
    assert ragged["batch"].tolist() == [2, 4, 6, 8, 10, 12]
    uneven = attacked(replace(SMALL, log_points=2, batches=11))[0].history
    assert uneven["batch"].tolist() == [5, 10, 11]
    torch.testing.assert_close(uneven["M_global"][-1], every["M_global"][10])


# --- sizes and queries


@pytest.mark.parametrize("shape, classes", [((7, 5), 1), ((28, 23), 10)])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_any_size_and_number_of_classes_spends_exactly_its_queries(family, shape, classes):
    config = replace(SMALL, family=family, batches=2, hidden=8)
    result, box = attacked(config, shape=shape, classes=classes, budget=2 * 8 * classes)
    assert box.queries == box.budget == config.queries_per_class * classes
    images = result.kept.G(torch.randn(classes, 3, config.z_dim))
    assert images.shape == (classes, 3, *shape) and images.min() >= 0 and images.max() <= 1
    assert images.std() > 0
    confidences = result.kept.S(images).softmax(-1)
    torch.testing.assert_close(confidences.sum(-1), torch.ones(classes, 3))
    assert not images.requires_grad and not confidences.requires_grad


def test_moments_show_the_attack_at_work_up_to_its_last_batch():
    asked, confidences = [], linear_target(20, 3)
    config = replace(SMALL, batches=40)
    seen, _ = attacked(
        config, target=lambda x, *, generator: (asked.append(x), confidences(x, generator=generator))[1]
    )
    moments = seen.moments
    assert moments["batch"].tolist() == [1, 2, 3, 4, 6, 9, 13, 19, 28, 40]
    for moment, batch in enumerate(moments["batch"]):
        image = asked[batch - 1].unflatten(0, (3, -1))[:, config.half]  # the batch's first reconstruction
        assert torch.equal(moments["image"][moment], image)
        torch.testing.assert_close(moments["target"][moment], confidences(image, generator=None))
    torch.testing.assert_close(moments["surrogate"].sum(-1), torch.ones(10, 3))
    wanted = moments["surrogate"].diagonal(dim1=1, dim2=2)
    assert (wanted[-1] > wanted[0]).all(), "each surrogate comes to believe in its class"
    few, _ = attacked(replace(SMALL, batches=3))
    assert few.moments["batch"].tolist() == [1, 2, 3]


def test_repeated_inputs_are_averaged_and_cost_what_they_cost():
    """A target that answers 1, 0, 0 and 0, 1, 0 in turn: asked twice it has learnt that both are half true."""
    asked, config = [], replace(SMALL, batches=1, repeats=2)

    def fickle(x):
        asked.append(x.clone())
        return torch.eye(3)[len(asked) % 2].expand(len(x), 3)

    found, box = attacked(config, target=fickle)
    assert box.queries == 3 * SMALL.batch_size and torch.equal(asked[0], asked[1])
    assert len(asked) == 2 and len(asked[0]) == 3 * SMALL.batch_size // 2
    assert found.moments["target"][0, 0].tolist() == [0.5, 0.5, 0.0]


def brightness(x):
    """A target that knows dark from bright, and so calls nearly all noise bright, but not lone strokes and blobs."""
    bright = (x.mean((-2, -1)) > 0.15).float()
    return torch.stack([bright, 1 - bright], -1)


# of two classes: three batches are 12,000 questions
CHOOSING = replace(SMALL, noise="chosen", batch_size=2000, batches=6)


def test_who_chooses_asks_what_gets_the_most_different_answers_and_pays_for_the_pilot():
    found, box = attacked(CHOOSING, shape=(16, 16), classes=2, target=brightness, budget=6 * 2 * 2000)
    assert list(found.pilot) == list(IN_RANGE)
    assert found.pilot["uniform"] == found.pilot["clouds"] == 1, "to these there is one answer"
    best = min(found.pilot, key=found.pilot.get)
    assert found.last.config.noise == best in {"blobs", "patches"} and 0.5 <= found.pilot[best] < 0.8
    assert found.history["batch"].tolist()[-1] == 6 - 3, "the pilot's 10,000 queries are three batches"
    assert box.queries == PILOT * len(IN_RANGE) + 3 * 2 * 2000 <= box.budget
    assert found.last.config.queries_per_class * 2 == box.queries - PILOT * len(IN_RANGE)


def test_a_pilot_cannot_pass_the_budget_and_leaves_an_attack():
    with pytest.raises(BudgetExceeded):
        attacked(CHOOSING, classes=2, target=brightness, budget=PILOT * 3)
    with pytest.raises(ValueError, match="batches is 3, expected at least 4.* 10,000 queries"):
        attacked(replace(CHOOSING, batches=3), classes=2, target=brightness)


def test_answers_that_are_no_numbers_end_no_attack_and_a_batch_without_any_is_never_the_best():
    """Its losses are none, and not zero."""
    asked = []

    def target(x, *, generator):
        asked.append(len(x))
        answers = torch.rand(len(x), 3, generator=seeded(len(asked))).softmax(-1)
        answers[: {4: 1, 5: len(x)}.get(len(asked), 0)] = torch.nan
        return answers

    found, _ = attacked(target=target)
    assert 4 not in [*found.kept_loss["batch"]] and min(found.kept_loss["M_global"]) > 0.1
    assert all(torch.isfinite(found.history[name]).all() for name in CURVES)
    assert all(torch.isfinite(w).all() for own in found.last.parameters.values() for w in own.values())


def test_an_examiner_sees_the_copies_at_the_attacks_moments_and_changes_nothing():
    seen = []

    def examine(pair):
        seen.append(pair.copy())
        return torch.full((3,), float(len(seen)))

    config = replace(SMALL, batches=40)
    found, _ = attacked(config, examine=examine)
    alone, _ = attacked(config)
    assert found.moments["examined"][:, 0].tolist() == [*range(1, 11)]
    assert alone.moments["examined"].isnan().all(), "nobody looked"
    assert_same_tensors(seen[-1].parameters, found.last.parameters)
    assert_same_tensors(found.last.parameters, alone.last.parameters)


def test_noise_that_drifts_has_gone_its_share_of_the_way_to_generated_images_by_the_last_batch():
    config = replace(SMALL, noise="binary", drift=0.5, batches=40)
    pair = Pair.new(config, (4, 5), 3, 2, seed=0)
    state = State(config, pair, stream("attacker's queries", 0))
    for batch, share in ((0, 0.0), (20, 0.25), (40, 0.5)):
        state.batch.fill_(batch)
        again = torch.Generator()
        again.set_state(state.chance.get_state())
        noise = NOISES["binary"](2, config.half, 4, 5, generator=again, device="cpu")
        image = pair.G(torch.randn(2, config.half, config.z_dim, generator=again))
        torch.testing.assert_close(state.draw_noise(), (1 - share) * noise + share * image)


@pytest.mark.parametrize("drift, batches", [(0.0, 10), (1.0, 300)])
def test_who_sends_events_asks_nothing_but_zeros_and_ones_and_still_learns_to_draw(drift, batches):
    asked = []

    def target(x, *, generator):
        asked.append(x)
        return linear_target(36, 4)(x, generator=generator)

    small = {"batch_size": 32, "hidden": 32, "k0": 0.001, "lam": 0.001, "lr_generator": 1e-2}
    config = replace(SMALL, batches=batches, as_events=True, noise="sparse", drift=drift, **small)
    result, _ = attacked(config, shape=(6, 6), classes=4, target=target)
    assert set(torch.cat(asked).flatten().tolist()) == {0.0, 1.0}
    assert set(result.moments["image"].flatten().tolist()) == {0.0, 1.0}
    noise = torch.stack(asked[:10]).unflatten(1, (4, 32))[:, :, :16]
    assert drift or abs(noise.mean() - 0.1) < 0.01  # a fifth lit, drawn with half a chance
    if batches == 10:
        return
    sent = result.last.G(torch.randn(4, 50, config.z_dim, generator=seeded(1)), seeded(2))
    believed = result.last.S(sent).softmax(-1).argmax(-1)
    assert (believed == torch.arange(4)[:, None]).float().mean() > 0.9


def test_attack_repeats_with_its_seed_and_only_then():
    first, again, other = (attacked(seed=seed)[0] for seed in (0, 0, 1))
    assert_same_tensors(first.last.parameters, again.last.parameters)
    assert not torch.equal(first.history["L_N"], other.history["L_N"])


# --- mistakes


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"labels": [0, 3]}, r"labels are \[0, 3\], expected at least one of 0 to 2"),
        ({"num_classes": 7}, "num_classes is 7, expected the target's 3 confidences"),
        ({"num_classes": 3.0}, "num_classes is 3.0, expected a whole number"),
        ({"image_shape": (1, 4, 5)}, r"image_shape is \(1, 4, 5\), expected \(height, width\)"),
        ({"config": {"batches": 2}}, "config is a dict, expected a GaminConfig"),
        ({"blackbox": len}, "blackbox is a builtin_function_or_method, expected a BlackBox"),
    ],
)
def test_what_an_attack_cannot_take_is_said_in_one_sentence(wrong, sentence):
    box = BlackBox(linear_target(20, 3), seed=0)
    given = {"blackbox": box, "config": SMALL, "image_shape": (4, 5), "num_classes": 3}
    with pytest.raises(ValueError, match=sentence):
        unchecked(attack)(**given | {"labels": [0], "seed": 0} | wrong)
    assert not box.queries or "num_classes" in wrong  # which the answer tells


# --- interruption


def test_a_checkpoint_holds_every_part_of_the_state_and_is_loaded_into_its_place(tmp_path):
    """A field that it forgets would be lost in silence; a GPU replays steps on the tensors that there are."""
    config = replace(SMALL, keep_window=3)
    one, other = (
        State(config, Pair.new(config, (4, 5), 3, 3, seed=seed), stream("attacker's queries", seed))
        for seed in (0, 1)
    )
    assert one.parts().keys() == vars(one).keys() - {"config", "ends"}
    places = [w.data_ptr() for w in other.pair.parameters["generator"].values()]
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    checkpoint.save(one.parts())
    overwrite(other.parts(), checkpoint.load())
    assert_same_tensors(flatten(other.parts()), flatten(one.parts()))
    assert [w.data_ptr() for w in other.pair.parameters["generator"].values()] == places


def noisy_target(x, *, generator):
    """Draws at every query, as a rate-coded SNN: a resumed attack must find its chance where it was."""
    confidences = linear_target(20, 3)(x, generator=generator)
    return (confidences + torch.rand(len(x), 3, generator=generator)).softmax(-1)


KILLED = {  # settings, who is attacked, and after how many batches each attack was killed
    **{f: (replace(SMALL, family=f, keep_window=3), {"target": noisy_target}, (3, 4, 1)) for f in FAMILIES},
    "chosen noise": (
        replace(CHOOSING, batches=8), {"shape": (16, 16), "classes": 2, "target": brightness}, (1, 3)
    ),
}  # fmt: skip


@pytest.mark.parametrize("config, given, kills", KILLED.values(), ids=KILLED)
def test_interrupted_attack_ends_bit_for_bit_as_uninterrupted(tmp_path, config, given, kills):
    """It keeps to the noise that it chose, too, and pays for the choice once."""
    expected, box = attacked(config, **given)
    for batches in kills:
        with pytest.raises(Killed):
            attacked(config, checkpoint=Interrupting(tmp_path / "checkpoint", batches), **given)
    resumed, again = attacked(config, checkpoint=Checkpoint(tmp_path / "checkpoint"), **given)
    for parts in ("kept.parameters", "last.parameters", "history", "moments"):
        assert_same_tensors(*(attrgetter(parts)(result) for result in (resumed, expected)))
    assert (resumed.kept_loss, resumed.last_loss) == (expected.kept_loss, expected.last_loss)
    assert resumed.pilot == expected.pilot and again.queries == box.queries
