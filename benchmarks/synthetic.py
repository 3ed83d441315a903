"""Any number of leads by SQL, fast, for measuring speed: 40 % open, the closed ones with some signal.

They look as Odoo makes them (same columns filled, same pairs of status, stage and probability), with
companies, sources, media, campaigns, countries, tags, four properties and messages. Seeded: the same number
gives the same leads.
"""

import json

from psycopg2 import sql

from odoo.tools import SQL

OPEN_SHARE = 0.4
DAYS = 730
COUNTS = {"company": 5000, "source": 20, "medium": 8, "campaign": 30, "tag": 15}
PROPERTIES = [
    {
        "name": "segment",
        "string": "Segment",
        "type": "selection",
        "selection": [["small", "Small"], ["middle", "Middle"], ["large", "Large"], ["public", "Public"]],
    },
    {"name": "employees", "string": "Employees", "type": "integer"},
    {"name": "budget_known", "string": "Budget known", "type": "boolean"},
    {"name": "visits", "string": "Visits on the website", "type": "float"},
]


def fill(env, n_leads, say=print, users=None):
    """Make ``n_leads`` leads, dealt out to some users (by default all to the administrator).

    Returns the number of open ones.
    """
    team = env["crm.team"].create(
        {
            "name": "Benchmark",
            "user_id": env.ref("base.user_admin").id,
            "company_id": False,
            "lead_properties_definition": PROPERTIES,
        }
    )
    env["utm.source"].create([{"name": f"Benchmark source {at}"} for at in range(COUNTS["source"])])
    env["utm.medium"].create([{"name": f"Benchmark medium {at}"} for at in range(COUNTS["medium"])])
    env["utm.campaign"].create([{"title": f"Benchmark campaign {at}"} for at in range(COUNTS["campaign"])])
    env["crm.tag"].create([{"name": f"Benchmark tag {at}"} for at in range(COUNTS["tag"])])
    env.flush_all()
    _companies(env)
    say(f"  {n_leads:,} leads")
    _leads(env, team, n_leads, (users or env.ref("base.user_admin")).ids)
    say("  tags and messages")
    _tags(env, team)
    _messages(env, team)
    env.cr.commit()
    env.invalidate_all()
    env.cr.execute(SQL("SELECT count(*) FROM crm_lead WHERE team_id = %s AND won_status = 'pending'", team.id))
    return env.cr.fetchone()[0]


def analyze(env):
    """Fresh statistics and no dead rows, before every timed run; outside of a transaction."""
    env.cr.commit()
    connection = env.cr._cnx
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for table in (
                "crm_lead",
                "crm_lead_score",
                "crm_lead_score_history",
                "mail_message",
                "crm_tag_rel",
                "res_partner",
                "crm_lead_scoring_frequency",
            ):
                cursor.execute("SELECT to_regclass(%s)", [table])
                if cursor.fetchone()[0]:
                    cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table)))
    finally:
        connection.autocommit = False


def _ids(env, model, prefix):
    field = "title" if model == "utm.campaign" else "name"
    records = env[model].search([(field, "=like", f"Benchmark {prefix}%")], order="id")
    return records.ids


def _companies(env):
    """Companies of the leads, by SQL: their trade and country are features."""
    env.cr.execute(
        SQL(
            """INSERT INTO res_partner (name, complete_name, is_company, active, type, country_id,
            industry_id,
                                    create_date, write_date, create_uid, write_uid, company_registry, lang)
           SELECT 'Benchmark company ' || n, 'Benchmark company ' || n, true, true, 'contact',
                  (SELECT array_agg(id ORDER BY id) FROM res_country)[1 + n %% 40],
                  (SELECT array_agg(id ORDER BY id) FROM res_partner_industry)[1 + n %% 15],
                  now() at time zone 'UTC' - interval '1000 days', now() at time zone 'UTC', 1, 1,
                  'benchmark', 'en_US'
             FROM generate_series(1, %s) n""",
            COUNTS["company"],
        )
    )
    env.cr.execute("UPDATE res_partner SET commercial_partner_id = id WHERE company_registry = 'benchmark'")


def _leads(env, team, n_leads, users):
    new, won = _stages(env, team)
    env.cr.execute("SELECT setseed(0.42)")
    env.cr.execute(
        SQL(
            """
        WITH draws AS MATERIALIZED (
            SELECT n, random() AS luck, random() AS status, random() AS age, random() AS took,
                   floor(power(random(), 2) * %(n_source)s)::int AS source, floor(random() *
                   %(n_medium)s)::int AS medium,
                   floor(power(random(), 2) * %(n_campaign)s)::int AS campaign,
                   floor(power(random(), 3) * 25)::int AS country, floor(random() * 4)::int AS segment,
                   floor(exp(random() * 7))::int AS employees, random() < 0.4 AS budget, random() * 40 AS
                   visits,
                   random() AS mail, random() AS phone, floor(random() * %(n_company)s)::int AS company,
                   round((random() * 20000)::numeric, 2) AS revenue
              FROM generate_series(1, %(n_leads)s) n
        ), outcomes AS (
            SELECT draws.*,
                   status < %(open_share)s AS is_open,
                   luck < 1 / (1 + exp(1.2 + 0.08 * source - 0.25 * segment - 0.03 * visits - 0.7 *
                   budget::int
                                       + 0.05 * country)) AS is_won,
                   now() at time zone 'UTC' - interval '1 minute'
                       - (CASE WHEN status < %(open_share)s THEN age * 120 ELSE 60 + age * %(days)s END) *
                         interval '1 day'
                       AS created
              FROM draws
        )
        INSERT INTO crm_lead (
            name, type, active, priority, color, team_id, user_id, company_id, stage_id, won_status,
            probability,
            automated_probability, create_date, write_date, date_open, date_last_stage_update, date_closed,
            day_open,
            day_close, source_id, medium_id, campaign_id, country_id, partner_id, expected_revenue,
            prorated_revenue,
            recurring_revenue, recurring_revenue_monthly, recurring_revenue_monthly_prorated,
            recurring_revenue_prorated, email_from, email_normalized, email_domain_criterion, email_state,
            phone, phone_sanitized, phone_state, function, lead_properties, create_uid, write_uid)
        SELECT 'Benchmark lead ' || n, 'opportunity', is_open OR is_won, '0', 0, %(team)s, (%(users)s)[1 + n %% %(n_users)s],
        %(own_company)s,
               CASE WHEN NOT is_open AND is_won THEN %(won)s ELSE %(new)s END,
               CASE WHEN is_open THEN 'pending' WHEN is_won THEN 'won' ELSE 'lost' END,
               CASE WHEN is_open THEN 20 WHEN is_won THEN 100 ELSE 0 END,
               CASE WHEN is_open THEN 20 WHEN is_won THEN 100 ELSE 0 END,
               created, created, created, created, CASE WHEN NOT is_open THEN created + took * 60 * interval
               '1 day' END,
               0, CASE WHEN NOT is_open THEN floor(took * 60) END,
               (%(sources)s)[1 + source], (%(media)s)[1 + medium], (%(campaigns)s)[1 + campaign],
               (SELECT array_agg(id ORDER BY id) FROM res_country)[1 + country],
               CASE WHEN company %% 3 = 0 THEN (%(companies)s)[1 + company] END,
               revenue, CASE WHEN is_open THEN round(revenue * 0.2, 2) WHEN is_won THEN revenue ELSE 0 END,
               0, 0, 0, 0,
               CASE WHEN mail < 0.8 THEN 'lead' || n || '@company' || company || '.example' END,
               CASE WHEN mail < 0.8 THEN 'lead' || n || '@company' || company || '.example' END,
               CASE WHEN mail < 0.8 THEN '@company' || company || '.example' END,
               CASE WHEN mail < 0.8 THEN 'correct' END,
               CASE WHEN phone < 0.6 THEN '+3222' || lpad((n %% 1000000)::text, 6, '0') END,
               CASE WHEN phone < 0.6 THEN '+3222' || lpad((n %% 1000000)::text, 6, '0') END,
               CASE WHEN phone < 0.6 THEN 'correct' END,
               CASE WHEN n %% 2 = 0 THEN (ARRAY['Director', 'Buyer', 'Engineer', 'Assistant', 'Owner'])[1 + n
               %% 5] END,
               jsonb_build_object('segment', (%(segments)s)[1 + segment], 'employees', employees,
                                  'budget_known', budget, 'visits', round(visits::numeric, 1)),
               1, 1
          FROM outcomes ORDER BY created
        """,
            n_leads=n_leads,
            open_share=OPEN_SHARE,
            days=DAYS,
            team=team.id,
            users=users,
            n_users=len(users),
            own_company=env.company.id,
            new=new,
            won=won,
            n_source=COUNTS["source"],
            n_medium=COUNTS["medium"],
            n_campaign=COUNTS["campaign"],
            n_company=COUNTS["company"],
            sources=_ids(env, "utm.source", "source"),
            media=_ids(env, "utm.medium", "medium"),
            campaigns=_ids(env, "utm.campaign", "campaign"),
            companies=env["res.partner"].search([("company_registry", "=", "benchmark")], order="id").ids,
            segments=[key for key, _label in PROPERTIES[0]["selection"]],
        )
    )


def _stages(env, team):
    lead = env["crm.lead"].new({"team_id": team.id})
    new = lead._stage_find(team_id=team.id, domain=[("fold", "=", False), ("is_won", "=", False)])
    return new.id, lead._stage_find(team_id=team.id, domain=[("is_won", "=", True)]).id


def _tags(env, team):
    """One or two tags on two thirds of the leads."""
    env.cr.execute(
        SQL(
            """INSERT INTO crm_tag_rel (lead_id, tag_id)
           SELECT id, (%(tags)s)[1 + (id * 7 + n * 5) %% %(count)s]
             FROM crm_lead, generate_series(0, 1) n WHERE team_id = %(team)s AND (id + n) %% 3 <> 0
           ON CONFLICT DO NOTHING""",
            tags=_ids(env, "crm.tag", "tag"),
            count=COUNTS["tag"],
            team=team.id,
        )
    )


def _messages(env, team):
    """A received or sent message on every second lead, some days after its creation."""
    env.cr.execute(
        SQL(
            """INSERT INTO mail_message (model, res_id, message_type, subtype_id, author_id, date,
            create_date, write_date,
                                     create_uid, write_uid, body, is_internal, message_id, subject)
           SELECT 'crm.lead', lead.id, CASE WHEN lead.id %% 4 = 0 THEN 'email' ELSE 'comment' END,
           %(subtype)s,
                  CASE WHEN lead.id %% 4 = 0 THEN lead.partner_id ELSE %(author)s END,
                  moment, moment, moment, 1, 1, '<p>Hello</p>', false, '<benchmark-' || lead.id ||
                  '@example>', 'Hello'
             FROM crm_lead lead,
                  LATERAL (SELECT least(create_date + (lead.id %% 5) * interval '7 hours', now() at time zone
                  'UTC')) t(moment)
            WHERE lead.team_id = %(team)s AND lead.id %% 2 = 0""",
            subtype=env.ref("mail.mt_comment").id,
            author=env.ref("base.partner_admin").id,
            team=team.id,
        )
    )


def describe_server(env):
    """One line: which PostgreSQL, with what, so that figures can be read later."""
    env.cr.execute("SHOW server_version")
    version = env.cr.fetchone()[0]
    env.cr.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")
    trgm = "with" if env.cr.fetchone()[0] else "without"
    env.cr.execute(
        "SELECT count(*), count(*) FILTER (WHERE indexdef LIKE '%USING gin%') FROM pg_indexes"
        " WHERE tablename = 'crm_lead'"
    )
    indexes, gin = env.cr.fetchone()
    settings = {}
    for name in ("fsync", "synchronous_commit", "shared_buffers"):
        env.cr.execute("SELECT current_setting(%s)", [name])
        settings[name] = env.cr.fetchone()[0]
    return json.dumps(
        {
            "postgresql": version.split()[0],
            "pg_trgm": trgm,
            "crm_lead_indexes": indexes,
            "of_them_gin": gin,
            **settings,
        }
    )
