"""What good off-the-shelf learners reach on the same columns and the same split: the mark to compare with.

LightGBM and CatBoost, each lightly tuned by cross-validation on the training rows alone, averaged. Columns
that are described as ``late`` are left out: the reference knows what the addon has to find out.
"""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedKFold

TUNING_ROWS = 12_000  # more rows do not change which setting is best, only how long it takes
FOLDS = 5
RARE_TAGS = 50

LIGHTGBM = [
    {"num_leaves": leaves, "min_child_samples": smallest, "reg_lambda": ridge}
    for leaves, smallest, ridge in ((4, 20, 5.0), (8, 20, 5.0), (15, 40, 3.0), (31, 40, 3.0))
]
CATBOOST = [{"depth": depth, "l2_leaf_reg": ridge} for depth, ridge in ((2, 5.0), (4, 5.0), (6, 5.0))]


def table(plan):
    """(names, list of value lists, which are categories) of the columns a learner may use."""
    names, values, categories = [], [], []
    for planned in plan.columns:
        if planned.column.late:
            continue
        for name, column, category in _features(planned):
            names.append(name)
            values.append(column)
            categories.append(category)
    return names, values, categories


def _features(planned):
    name = planned.column.name
    if planned.kind in ("integer", "float"):
        yield name, planned.values, False
    elif planned.kind == "date":
        yield name, [value and value.timestamp() for value in planned.values], False
    elif planned.kind == "tags":
        counts = {}
        for parts in planned.values:
            for part in parts or ():
                counts[part] = counts.get(part, 0) + 1
        for tag in sorted(counts, key=lambda tag: -counts[tag])[:RARE_TAGS]:
            yield f"{name} {tag}", [float(tag in (parts or ())) for parts in planned.values], False
    else:
        yield name, [None if value is None else str(value) for value in planned.values], True


def predict(plan, seed, say=print):
    """Probabilities (n_open,) of the open leads, in the order of the plan."""
    names, values, categories = table(plan)
    is_open = np.array(plan.is_open)
    won = np.array(plan.won)[~is_open]
    if not names:
        return np.full(is_open.sum(), won.mean())
    results = []
    for title, learner in (("LightGBM", _Lightgbm), ("CatBoost", _Catboost)):
        data = learner.encode(values, categories)
        results.append(_tuned(title, learner, data, is_open, won, categories, seed, say))
    return np.mean(results, axis=0)


def _tuned(title, learner, data, is_open, won, categories, seed, say):
    """Choose a setting and its rounds by cross-validated log loss, fit on all closed, predict the open."""
    train, test = data[~is_open], data[is_open]
    sample = np.random.default_rng(seed).permutation(len(won))[:TUNING_ROWS]
    n_folds = min(FOLDS, int(won[sample].sum()), int((~won[sample]).sum()))
    if n_folds < 2:
        return np.full(is_open.sum(), won.mean())
    best = None
    for setting in learner.settings:
        folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(sample, won[sample])
        fits = [
            learner.search(
                setting, train[sample[a]], won[sample[a]], train[sample[b]], won[sample[b]], categories, seed
            )
            for a, b in folds
        ]
        loss, rounds = np.mean([fit[0] for fit in fits]), int(np.mean([fit[1] for fit in fits]))
        if best is None or loss < best[0]:
            best = loss, max(rounds, 10), setting
    loss, rounds, setting = best
    say(f"  {title}: {setting}, {rounds} rounds, log loss {loss:.4f} in {n_folds} folds")
    return learner.fit(setting, rounds, train, won, test, categories, seed)


class _Lightgbm:
    settings = LIGHTGBM
    common = {
        "objective": "binary",
        "learning_rate": 0.05,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
        "cat_smooth": 20,
    }

    @staticmethod
    def encode(values, categories):
        """float64 (n, f): categories as codes by frequency, missing as NaN."""
        columns = []
        for column, category in zip(values, categories):
            if category:
                counts = {}
                for value in column:
                    if value is not None:
                        counts[value] = counts.get(value, 0) + 1
                codes = {value: at for at, value in enumerate(sorted(counts, key=lambda v: (-counts[v], v)))}
                column = [codes.get(value) for value in column]
            columns.append(np.array([np.nan if value is None else value for value in column], dtype=float))
        return np.column_stack(columns)

    @classmethod
    def _params(cls, setting, seed):
        return {**cls.common, **setting, "seed": seed}

    @classmethod
    def _dataset(cls, x, y, categories, parent=None):
        import lightgbm

        return lightgbm.Dataset(
            x,
            y.astype(float),
            reference=parent,
            categorical_feature=[at for at, category in enumerate(categories) if category],
        )

    @classmethod
    def search(cls, setting, x, y, x_valid, y_valid, categories, seed):
        import lightgbm

        train = cls._dataset(x, y, categories)
        valid = cls._dataset(x_valid, y_valid, categories, train)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = lightgbm.train(
                cls._params(setting, seed),
                train,
                1000,
                valid_sets=[valid],
                callbacks=[lightgbm.early_stopping(50, verbose=False)],
            )
        return model.best_score["valid_0"]["binary_logloss"], model.best_iteration

    @classmethod
    def fit(cls, setting, rounds, x, y, x_test, categories, seed):
        import lightgbm

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = lightgbm.train(cls._params(setting, seed), cls._dataset(x, y, categories), rounds)
        return model.predict(x_test)


class _Catboost:
    settings = CATBOOST

    @staticmethod
    def encode(values, categories):
        """object (n, f): categories as text, missing ones as a word of their own; numbers as float."""
        columns = []
        for column, category in zip(values, categories):
            empty = "(missing)" if category else np.nan
            columns.append([empty if value is None else value for value in column])
        return np.array(columns, dtype=object).T

    @staticmethod
    def _model(setting, rounds, seed):
        from catboost import CatBoostClassifier

        return CatBoostClassifier(
            **setting,
            iterations=rounds,
            learning_rate=0.06,
            random_seed=seed,
            verbose=False,
            allow_writing_files=False,
            thread_count=-1,
        )

    @staticmethod
    def _pool(x, y, categories):
        from catboost import Pool

        return Pool(x, y, cat_features=[at for at, category in enumerate(categories) if category])

    @classmethod
    def search(cls, setting, x, y, x_valid, y_valid, categories, seed):
        model = cls._model(setting, 600, seed)
        model.fit(
            cls._pool(x, y.astype(int), categories),
            eval_set=cls._pool(x_valid, y_valid.astype(int), categories),
            early_stopping_rounds=40,
        )
        return model.get_best_score()["validation"]["Logloss"], model.get_best_iteration() + 1

    @classmethod
    def fit(cls, setting, rounds, x, y, x_test, categories, seed):
        model = cls._model(setting, rounds, seed)
        model.fit(cls._pool(x, y.astype(int), categories))
        return model.predict_proba(cls._pool(x_test, None, categories))[:, 1]
