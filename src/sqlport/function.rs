//! The functions of the port: their names, arguments and columns. docs/sql-port.md documents them.

/// A function that the port adds to Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Text,
    Markdown,
    Html,
    Operations,
    Blame,
    Diff,
    Presence,
    Servers,
}

const OPERATIONS: &str = "edit_id pg_catalog.int8, account_id pg_catalog.uuid, session_id pg_catalog.uuid, \
     created_at pg_catalog.timestamptz, kind pg_catalog.text, \"position\" pg_catalog.int4, text pg_catalog.text, \
     attributes pg_catalog.jsonb";
const BLAME: &str = "\"position\" pg_catalog.int4, length pg_catalog.int4, text pg_catalog.text, \
     edit_id pg_catalog.int8, account_id pg_catalog.uuid, session_id pg_catalog.uuid, \
     created_at pg_catalog.timestamptz";
const DIFF: &str = "change pg_catalog.text, from_position pg_catalog.int4, to_position pg_catalog.int4, \
     text pg_catalog.text, attributes pg_catalog.jsonb, edit_id pg_catalog.int8, account_id pg_catalog.uuid, \
     session_id pg_catalog.uuid, created_at pg_catalog.timestamptz";
const PRESENCE: &str = "org_id pg_catalog.uuid, document_id pg_catalog.uuid, account_id pg_catalog.uuid, \
     name pg_catalog.text, color pg_catalog.text, server pg_catalog.text, heard_at pg_catalog.timestamptz";
const SERVERS: &str = "address pg_catalog.text, state pg_catalog.text, is_asked pg_catalog.bool, \
     heard_at pg_catalog.timestamptz";

impl Function {
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Markdown,
        Self::Html,
        Self::Operations,
        Self::Blame,
        Self::Diff,
        Self::Presence,
        Self::Servers,
    ];

    /// Its name in the schema `quire`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Operations => "operations",
            Self::Blame => "blame",
            Self::Diff => "diff",
            Self::Presence => "presence",
            Self::Servers => "servers",
        }
    }

    /// The names of its arguments, and how many of them must be given.
    pub fn arguments(self) -> (&'static [&'static str], usize) {
        match self {
            Self::Text | Self::Markdown | Self::Html | Self::Blame => (&["document", "at"], 1),
            Self::Operations => (&["document", "from", "to"], 1),
            Self::Diff => (&["document", "from", "to"], 3),
            Self::Presence | Self::Servers => (&[], 0),
        }
    }

    /// How it is called.
    pub fn usage(self) -> &'static str {
        match self {
            Self::Text => "quire.text(document [, at])",
            Self::Markdown => "quire.markdown(document [, at])",
            Self::Html => "quire.html(document [, at])",
            Self::Operations => "quire.operations(document [, from, to])",
            Self::Blame => "quire.blame(document [, at])",
            Self::Diff => "quire.diff(document, from, to)",
            Self::Presence => "quire.presence()",
            Self::Servers => "quire.servers()",
        }
    }

    /// The columns of its rows; none for one that gives a text.
    pub fn columns(self) -> Option<&'static str> {
        match self {
            Self::Text | Self::Markdown | Self::Html => None,
            Self::Operations => Some(OPERATIONS),
            Self::Blame => Some(BLAME),
            Self::Diff => Some(DIFF),
            Self::Presence => Some(PRESENCE),
            Self::Servers => Some(SERVERS),
        }
    }
}
