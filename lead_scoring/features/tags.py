"""Features that are tags: one column of yes and no for each tag that enough leads have."""

import numpy as np

from odoo.tools import SQL

from .feature import Feature, int_array, yes_no

# A tag on fewer leads than this says nothing about won and lost, and more columns than that only cost time.
MINIMUM_USES = 10
MOST_TAGS = 50


def find(env, names, labels, leads=None):
    """Return the features of the tags in use among ``leads`` (a Domain), or of the named ones that exist."""
    if names is None:
        tag_ids = _tags_in_use(env, leads)
    else:
        tag_ids = _existing(env, {name.partition(".")[2] for name in names if name.startswith("tag.")})
    tags = env["crm.tag"].browse(tag_ids)
    return {f"tag.{tag.id}": _feature(env, tag, labels) for tag in tags}


def _feature(env, tag, labels):
    label = env._("Tag: %(tag)s", tag=tag.display_name) if labels else ""
    return Feature(f"tag.{tag.id}", label, "tag", "boolean", comodel="crm.tag", field=str(tag.id))


def _tags_in_use(env, leads):
    """Return ids of the tags that enough leads have, the most used ones, ascending."""
    env["crm.lead"].flush_model(["tag_ids"])
    among = SQL("")
    if leads is not None:
        query = env["crm.lead"].with_context(active_test=False)._search(leads)
        among = SQL("WHERE lead_id IN %s", query.subselect())
    rows = env.execute_query(
        SQL(
            "SELECT tag_id FROM crm_tag_rel %s GROUP BY tag_id HAVING count(*) >= %s"
            " ORDER BY count(*) DESC, tag_id LIMIT %s",
            among,
            MINIMUM_USES,
            MOST_TAGS,
        )
    )
    return sorted(tag_id for (tag_id,) in rows)


def _existing(env, keys):
    tag_ids = [int(key) for key in keys if key.isdecimal()]
    if not tag_ids:
        return []
    rows = env.execute_query(SQL("SELECT id FROM crm_tag WHERE id = ANY(%s) ORDER BY id", int_array(tag_ids)))
    return [tag_id for (tag_id,) in rows]


def needs(env, features):
    """Tags are a table of their own: nothing of the lead's row."""
    return {}


def columns(env, batch, features):
    """Return ``{name: column}`` by one query for all tags and leads."""
    if not features:
        return {}
    rows = env.execute_query(
        SQL(
            "SELECT tag_id, array_agg(lead_id) FROM crm_tag_rel"
            " WHERE lead_id = ANY(%s) AND tag_id = ANY(%s) GROUP BY tag_id",
            int_array(batch.ids.tolist()),
            int_array(feature.field for feature in features.values()),
        )
    )
    tagged = {str(tag_id): lead_ids for tag_id, lead_ids in rows}
    return {
        name: yes_no(np.isin(batch.ids, np.array(tagged.get(feature.field, ()), np.int64)))
        for name, feature in features.items()
    }
