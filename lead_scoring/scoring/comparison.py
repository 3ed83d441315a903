"""Two models on the same leads: which is better, and how sure that is."""

import numpy as np

from .scorecard import loss_of

ROUNDS = 500
_CHUNK = 2_000_000

# A new version is not worse if the lower bound of what it gains is above minus this share of the old one's log
# loss; after so many days it suffices that it is not worse on the mean.
TOLERANCE = 0.01
OLD = 90


def compare(card_a, card_b, table, won, *, weights=None, groups=None, seed=0):
    """How two scorecards do on the same leads, which neither should have learned from.

    :param card_a, card_b: Scorecard
    :param table: FeatureTable[n]
    :param won: bool[n], of both kinds
    :param weights, groups: as in `training.train`
    :param seed: int, of the bootstrap
    :return: dict of log_loss and auc, each a dict of a, b, difference (a less b), interval [low, high] of the
        difference: 95 %, by a bootstrap of leads, paired; and leads
    """
    odds = [card.log_odds(card.levels(table)) for card in (card_a, card_b)]
    return compare_log_odds(*odds, won, weights=weights, groups=groups, seed=seed)


def compare_log_odds(odds_a, odds_b, won, *, weights=None, groups=None, seed=0):
    """`compare` for log-odds float64[n]."""
    won = np.asarray(won).astype(bool)
    weights = np.ones(len(won)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not weights[won].sum() or not weights[~won].sum():
        raise ValueError("A comparison needs won leads and lost leads.")
    lead = np.arange(len(won)) if groups is None else np.unique(groups, return_inverse=True)[1].ravel()
    losses = [loss_of(odds, won.astype(np.int8)) for odds in (odds_a, odds_b)]
    placed = [_placements(odds, won, weights) for odds in (odds_a, odds_b)]
    aucs = [float(np.average(place[won], weights=weights[won])) for place in placed]
    loss_interval = _interval([(losses[0] - losses[1], weights)], lead, seed)
    gap = placed[0] - placed[1]
    auc_interval = _interval([(gap, weights * won), (gap, weights * ~won)], lead, seed, aucs[0] - aucs[1])
    means = [float(np.average(loss, weights=weights)) for loss in losses]
    return {
        "log_loss": {"a": means[0], "b": means[1], "difference": means[0] - means[1], "interval": loss_interval},
        "auc": {"a": aucs[0], "b": aucs[1], "difference": aucs[0] - aucs[1], "interval": auc_interval},
        "leads": int(lead.max()) + 1,
    }


def not_worse(champion, challenger, won, *, weights=None, groups=None, seed=0, age_days=0):
    """Whether a new version may take the place of the old one by itself.

    :param champion, challenger: float64[n], log-odds of leads that neither had learned from
    :param won, weights, groups, seed: as in `compare`
    :param age_days: how old the published version is
    :return: dict of publish (bool), reason ("not_worse" | "old_and_not_worse_on_mean" | "worse"), gain (log loss
        of the champion less the challenger's), gain_interval (95 %), champion_log_loss, challenger_log_loss,
        auc_gain, auc_gain_interval
    """
    found = compare_log_odds(champion, challenger, won, weights=weights, groups=groups, seed=seed)
    loss, auc = found["log_loss"], found["auc"]
    low, high = auc["interval"]
    if loss["interval"][0] > -TOLERANCE * loss["a"]:
        reason = "not_worse"
    elif age_days > OLD and loss["difference"] >= 0:
        reason = "old_and_not_worse_on_mean"
    else:
        reason = "worse"
    return {
        "publish": reason != "worse",
        "reason": reason,
        "gain": loss["difference"],
        "gain_interval": loss["interval"],
        "champion_log_loss": loss["a"],
        "challenger_log_loss": loss["b"],
        "auc_gain": -auc["difference"],
        "auc_gain_interval": [-high, -low],
    }


def _placements(odds, won, weights):
    """float64[n]: for a won lead the share of lost ones below it, for a lost one the share of won ones above;
    equals count half. The weighted mean of either kind is the AUC (E. DeLong et al., Biometrics 44, 1988)."""
    values, place = np.unique(odds, return_inverse=True)
    place = place.ravel()
    lost_at, won_at = (np.bincount(place, weights * kind, minlength=len(values)) for kind in (~won, won))
    below = (np.cumsum(lost_at) - lost_at / 2) / lost_at.sum()
    above = 1 - (np.cumsum(won_at) - won_at / 2) / won_at.sum()
    return np.where(won, below[place], above[place])


def _interval(parts, lead, seed, centre=None):
    """[low, high], 95 %, of the sum of weighted means, leads drawn again with a Poisson(1) count each.

    :param parts: list of (values float64[n], weights float64[n])
    :param centre: what the sum of the means' deviations is added to; default: the sum of the means
    """
    n_leads = int(lead.max()) + 1
    sums = [
        (np.bincount(lead, weights * values, minlength=n_leads), np.bincount(lead, weights, minlength=n_leads))
        for values, weights in parts
    ]
    random = np.random.default_rng(seed)
    drawn = []
    for start in range(0, ROUNDS, step := max(_CHUNK // n_leads, 1)):
        times = random.poisson(1.0, (min(step, ROUNDS - start), n_leads)).astype(np.float64)
        drawn.append(sum((times @ value) / np.maximum(times @ weight, 1e-12) for value, weight in sums))
    drawn = np.concatenate(drawn)
    if centre is not None:
        drawn = drawn - sum(value.sum() / weight.sum() for value, weight in sums) + centre
    return np.quantile(drawn, [0.025, 0.975]).tolist()
