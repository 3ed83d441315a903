"""Which fields of a lead its features are made of: a change of another one changes no score.

Tags and properties too; what is known of its contact and company changes here with the contact alone. What happens
on a lead (messages, meetings, done activities) is no field of it.
"""

# Features whose name is not that of their field.
MADE_OF = {
    "lead.has_email": {"email_from"},
    "lead.has_phone": {"phone"},
    "lead.has_website": {"website"},
    "lead.has_company": {"partner_name", "partner_id"},
    "lead.email_domain_kind": {"email_normalized"},
    "lead.description_length": {"description"},
    "lead.created_weekday": {"company_id"},
    "activity.stage_changes": {"stage_id"},
    "activity.days_since_stage_change": {"stage_id"},
}
EARLIER_LEADS = {"partner_id", "email_normalized", "email_domain_criterion", "company_id"}


def fields_read(names):
    """Return the set of names of the fields of ``crm.lead`` that features are made of.

    :param names: names of features, see :func:`features.catalogue.catalogue`
    """
    read = set()
    for name in names:
        subject, _dot, column = name.partition(".")
        if name in MADE_OF:
            read |= MADE_OF[name]
        elif subject == "lead":
            read.add(column)
        elif subject == "property":
            read |= {"lead_properties", "team_id"}
        elif subject == "tag":
            read.add("tag_ids")
        elif column.startswith("earlier_"):
            read |= EARLIER_LEADS
        elif subject in ("contact", "company"):
            read.add("partner_id")
    return read
