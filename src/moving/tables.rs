//! What belongs to an organisation and moves with it: the one list of it.

/// A table of which the organisation's rows move. Columns are asked of the database, so that what a later
/// migration adds moves as well.
pub struct Table {
    /// Its name in the schema quire.
    pub name: &'static str,
    /// Columns that the other database fills in by itself.
    pub skips: &'static [&'static str],
    /// Columns that are read as something else than they are.
    pub reads: &'static [(&'static str, &'static str)],
    /// Columns that may be large and change only together with others: in the last second, when nobody can
    /// write, those others are compared.
    pub large: &'static [&'static str],
    /// Columns in the order of which the rows are copied; empty: any.
    pub order: &'static str,
}

impl Table {
    const fn whole(name: &'static str) -> Self {
        Self {
            name,
            skips: &[],
            reads: &[],
            large: &[],
            order: "",
        }
    }

    /// Whether the column is the same in both databases.
    pub fn keeps(&self, column: &str) -> bool {
        !self.skips.contains(&column) && self.reads.iter().all(|(read, _)| *read != column)
    }
}

/// A peer that may lack what a failover lost is offered to no device, which the other database cannot
/// know by its own timelines; and no peer is from a time that is yet to come there.
const PEER_CREATED_AT: &str = "case when created_at > (
        select t.began_at from quire.timeline t where t.timeline_number = (select max(timeline_number) from quire.timeline)
    ) then least(created_at, clock_timestamp()) else '-infinity' end";

/// All but the edits, which are too many to be copied more than once.
pub const TABLES: &[Table] = &[
    Table::whole("organisation"),
    Table::whole("member"),
    Table::whole("org_group"),
    Table::whole("org_group_member"),
    Table::whole("folder"),
    Table::whole("document"),
    Table::whole("access_grant"),
    Table::whole("access_request"),
    Table::whole("share_link"),
    Table::whole("share_link_visit"),
    Table::whole("invitation"),
    Table::whole("comment_thread"),
    Table::whole("comment"),
    Table::whole("version"),
    Table::whole("retention"),
    Table {
        // Whatever was seen there was seen with all of it.
        reads: &[("xid", "'3'::xid8"), ("through", "'3'::xid8")],
        // No server folds what moves; whoever did would write folded_at too.
        large: &["update"],
        ..Table::whole("fold")
    },
    Table {
        // Caches there were told of nothing.
        reads: &[
            ("changed", "'3'::xid8"),
            ("told", "null::pg_snapshot"),
            ("system_identifier", "null::bigint"),
        ],
        ..Table::whole("publication")
    },
    Table::whole("given_up_peer"),
    Table {
        skips: &["audit_id"],
        order: "audit_id",
        ..Table::whole("audit")
    },
    Table {
        // A lease is of a connection to a server here.
        reads: &[("lease_id", "null::uuid"), ("created_at", PEER_CREATED_AT)],
        ..Table::whole("peer")
    },
    Table {
        // Transactions have other numbers there; the edit of a key is of a later one than this.
        reads: &[("xid", "'3'::xid8")],
        ..Table::whole("idempotency_key")
    },
];

/// The edits. Their transactions are those that write them there.
pub const EDIT: Table = Table {
    skips: &["xid"],
    ..Table::whole("edit")
};

/// Tables with rows of organisations that stay where they are, and why. Those that are derived are emptied
/// where an organisation arrives a second time, and where it is forgotten.
pub const STAYING: &[(&str, &str)] = &[
    (
        "snapshot",
        "derived; its pg_snapshot means nothing in another cluster",
    ),
    (
        "document_text",
        "derived, written anew by the servers there",
    ),
    ("divergence", "what servers of this cluster found"),
    ("fold_refusal", "what servers of this cluster found"),
    ("event", "the log of this cluster"),
    ("reader", "roles belong to the cluster"),
    ("placement", "each database says its own"),
];

/// Of these, those that are worth nothing without the organisation's rows.
pub const DERIVED: &[&str] = &["snapshot", "document_text", "divergence", "fold_refusal"];
