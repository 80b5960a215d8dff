//! Settings: each has a flag, a name in the environment, a unit and a default, and is read once.
//! A wrong one stops the start with a message that names it.

mod oidc;
mod purge;
mod traces;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, ValueEnum};
use ipnet::IpNet;

pub use self::oidc::Oidc;
pub use self::purge::{Hook, Purge};
pub use self::traces::{Collector, Traces};
use crate::error::{Error, Kind, Result};

/// Who sends the log.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedSource {
    /// The primary.
    Primary,
    /// A standby while one is fit for it, else the primary.
    Standby,
}

/// What one server needs to run. `quire serve --help` shows these texts.
#[derive(Args, Debug, Clone)]
pub struct Serve {
    /// The Postgres database: postgres://user:password@host:port/database; the role needs
    /// REPLICATION. Connect to Postgres itself, not to a pooler. With standbys name every host,
    /// postgres://user@one:5432,two:5432/database: the primary among them is used.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "ADDRESS"
    )]
    pub database_url: String,

    /// Who sends this server the log: the primary, or one of the standbys among the hosts of the
    /// database, so that servers can be added without more work for the primary. Standbys need
    /// PostgreSQL 16, hot_standby_feedback = on, and a role that may run pg_log_standby_snapshot() on
    /// the primary. While none is fit for it the primary serves.
    #[arg(
        long,
        env = "QUIRE_FEED_FROM",
        default_value = "primary",
        value_name = "SOURCE"
    )]
    pub feed_from: FeedSource,

    /// Read documents that are opened, and their history, from the standbys among the hosts of the database.
    /// A standby that has not everything that was committed by then, 200 ms after it was asked, is gone around.
    #[arg(long, env = "QUIRE_READ_FROM_STANDBYS", value_parser = BoolishValueParser::new())]
    pub read_from_standbys: bool,

    /// Where this server listens: address and port; port 0 takes a free one.
    #[arg(
        long,
        env = "QUIRE_LISTEN",
        default_value = "127.0.0.1:4400",
        value_name = "IP:PORT"
    )]
    pub listen: SocketAddr,

    /// Addresses under which browsers reach Quire, several separated by commas: first this server's
    /// own, then those of the other servers and of a balancer. Browsers may come from these and no
    /// others. Default: http:// and the address on which this server listens.
    #[arg(long, env = "QUIRE_PUBLIC_URL", value_delimiter = ',', value_parser = public_url, value_name = "URL")]
    pub public_url: Vec<String>,

    /// The certificate for TLS in this server: a PEM file with the chain, its own certificate first.
    /// It is read again when it changes. Without one this server speaks plain HTTP, and something in
    /// front of it should speak TLS.
    #[arg(long, env = "QUIRE_TLS_CERTIFICATE", value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// The private key of the certificate: a PEM file.
    #[arg(long, env = "QUIRE_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Networks of the proxies and balancers in front of this server, several separated by commas. What
    /// they say in X-Forwarded-For is believed, so that limits count people and not the proxy.
    #[arg(long, env = "QUIRE_TRUSTED_PROXY", value_delimiter = ',', value_parser = network, value_name = "NETWORK")]
    pub trusted_proxy: Vec<IpNet>,

    /// Connections to the database at most, besides the one for the log.
    #[arg(long, env = "QUIRE_DATABASE_CONNECTIONS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(4..=1000), value_name = "NUMBER")]
    pub database_connections: u16,

    /// Batches of edits that are committed at the same time.
    #[arg(long, env = "QUIRE_COMMITTERS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64), value_name = "NUMBER")]
    pub committers: u16,

    /// Memory for open documents. What nobody has open is unloaded when it is exceeded.
    #[arg(long, env = "QUIRE_DOCUMENT_BYTES", default_value = "256MiB", value_parser = bytes, value_name = "BYTES")]
    pub document_bytes: usize,

    /// How large one document may become: its edits and its history as they are stored, about. What would
    /// make it larger is refused.
    #[arg(long, env = "QUIRE_DOCUMENT_MAX_BYTES", default_value = "64MiB", value_parser = bytes, value_name = "BYTES")]
    pub document_max_bytes: usize,

    /// Memory for what is on its way to one reader. A reader that falls further behind is brought
    /// up to date afterwards.
    #[arg(long, env = "QUIRE_OUTBOX_BYTES", default_value = "1MiB", value_parser = bytes, value_name = "BYTES")]
    pub outbox_bytes: usize,

    /// Memory for edits that were received from their authors and are not committed yet.
    #[arg(long, env = "QUIRE_COMMIT_BYTES", default_value = "64MiB", value_parser = bytes, value_name = "BYTES")]
    pub commit_bytes: usize,

    /// Where this server listens for clients of Postgres (psql and others): address and port. Whoever
    /// signs in there with a role and password of the database has a session on it, in which
    /// documents can be read by functions. Off when it is not set.
    #[arg(long, env = "QUIRE_SQL_LISTEN", value_name = "IP:PORT")]
    pub sql_listen: Option<SocketAddr>,

    /// Sessions of clients of Postgres at the same time at most, each of which takes a connection to
    /// the database.
    #[arg(long, env = "QUIRE_SQL_CONNECTIONS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "NUMBER")]
    pub sql_connections: u16,

    /// Lead the sessions of the SQL port to the standbys among the hosts of the database. They can only
    /// read there. Where no standby has everything that was committed by then, the primary is used.
    #[arg(long, env = "QUIRE_SQL_FROM_STANDBYS", value_parser = BoolishValueParser::new())]
    pub sql_from_standbys: bool,

    /// Browsers connected at the same time at most.
    #[arg(long, env = "QUIRE_CONNECTIONS", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
    pub connections: u32,

    /// The mail server: smtps://user:password@host, or smtp://host?tls=required. When none is set, mail
    /// is written to the log, at info: with its links, so that whoever reads the log can hand them on.
    #[arg(
        long,
        env = "QUIRE_SMTP_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub smtp_url: Option<String>,

    /// Whom mail comes from; needed with --smtp-url.
    #[arg(long, env = "QUIRE_MAIL_FROM", value_name = "MAIL ADDRESS")]
    pub mail_from: Option<String>,

    /// Let anybody sign up, with an organisation of their own. Otherwise people come by invitation.
    #[arg(long, env = "QUIRE_OPEN_SIGN_UP", value_parser = BoolishValueParser::new())]
    pub open_sign_up: bool,

    /// Sign-in by an OpenID Connect provider.
    #[command(flatten)]
    pub oidc: Oidc,

    /// Caches in front of Quire.
    #[command(flatten)]
    pub purge: Purge,

    /// Where traces go.
    #[command(flatten)]
    pub traces: Traces,

    /// How long a server that is asked to stop sees its browsers off, in seconds.
    #[arg(long, env = "QUIRE_DRAIN_SECONDS", default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub drain: Duration,
}

impl Serve {
    /// The defaults for `database_url`, on a free port, whatever the environment says.
    pub fn with_defaults(database_url: &str) -> Self {
        Self::with_arguments(database_url, &[]).expect("every other setting has a default")
    }

    /// The same with `arguments` of `quire serve`. Errors: [`Kind::Setting`], naming the setting.
    pub fn with_arguments(database_url: &str, arguments: &[String]) -> Result<Self> {
        let own = [
            "quire",
            "--listen",
            "127.0.0.1:0",
            "--database-url",
            database_url,
        ];
        let arguments = own.into_iter().chain(arguments.iter().map(|word| &**word));
        let command = Line::command().mut_args(|argument| argument.env(None::<&str>));
        command
            .try_get_matches_from(arguments)
            .and_then(|matches| Line::from_arg_matches(&matches))
            .map(|line| line.serve)
            .map_err(|e| Error::caused(Kind::Setting, "read the settings of a server", e))
    }

    /// What no single setting can check by itself.
    /// Errors: [`Kind::Setting`], naming the setting.
    pub fn validate(&self) -> Result<()> {
        if self.committers >= self.database_connections {
            return Err(Error::new(
                Kind::Setting,
                format!(
                    "--committers (QUIRE_COMMITTERS) is {}, and must be smaller than \
                     --database-connections (QUIRE_DATABASE_CONNECTIONS), which is {}",
                    self.committers, self.database_connections
                ),
            ));
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Err(Error::new(
                Kind::Setting,
                "--tls-certificate (QUIRE_TLS_CERTIFICATE) and --tls-key (QUIRE_TLS_KEY) go together: \
                 give both or none",
            ));
        }
        self.oidc.validate()?;
        self.purge.validate()?;
        if self.outbox_bytes < 512 * 1024 {
            return Err(Error::new(
                Kind::Setting,
                "--outbox-bytes (QUIRE_OUTBOX_BYTES) is less than two messages: give it at least 512KiB",
            ));
        }
        Ok(())
    }
}

/// The settings by themselves, so that the defaults stand in one place.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    serve: Serve,
}

/// What Quire writes about itself while it runs, to standard error.
#[derive(Args, Debug, Clone)]
pub struct Log {
    /// What is logged: error, warn, info, debug or trace, or by module: info,quire::feed=debug.
    /// Default: info for serve; for dev warn and mail; warn otherwise.
    #[arg(long, env = "QUIRE_LOG", global = true, value_name = "FILTER")]
    pub log: Option<String>,

    /// How it is logged.
    #[arg(
        long,
        env = "QUIRE_LOG_FORMAT",
        default_value = "text",
        global = true,
        value_name = "FORMAT"
    )]
    pub log_format: LogFormat,
}

/// The form of a log line.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `4096`, `64KiB`, `256MiB` or `1GiB` as a number of bytes.
fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        unit => return Err(format!("unit {unit:?} is none of B, KiB, MiB and GiB")),
    };
    let number: usize = digits
        .parse()
        .map_err(|_| "give a whole number and a unit, such as 64MiB".to_owned())?;
    number
        .checked_mul(unit)
        .ok_or_else(|| "more than there can be".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= 3600 => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds, at most 3600".to_owned()),
    }
}

/// A network such as `10.0.0.0/8`, or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpAddr>()
        .map(IpNet::from)
        .or_else(|_| text.parse())
        .map_err(|_| "give an address or a network, such as 192.0.2.7 or 10.0.0.0/8".to_owned())
}

/// An origin as browsers send it: scheme, host and port, nothing else.
fn public_url(text: &str) -> Result<String, String> {
    let origin = text.trim_end_matches('/');
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))
        .ok_or("begin it with http:// or https://")?;
    if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
        return Err(
            "give scheme, host and port only, such as https://quire.example.org".to_owned(),
        );
    }
    Ok(origin.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_their_unit() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("64KiB"), Ok(65536));
        assert_eq!(bytes("2 GiB"), Ok(2 << 30));
        assert!(bytes("64MB").is_err());
        assert!(bytes("MiB").is_err());
        assert!(bytes("99999999999GiB").is_err());
    }

    #[test]
    fn a_public_url_is_an_origin() {
        assert_eq!(
            public_url("https://Quire.example/"),
            Ok("https://quire.example".to_owned())
        );
        assert!(public_url("quire.example").is_err());
        assert!(public_url("https://quire.example/path").is_err());
        assert!(public_url("https://user@quire.example").is_err());
    }

    #[test]
    fn a_network_is_an_address_or_a_range() {
        assert_eq!(network("192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        assert_eq!(network("fd00::/8").unwrap().to_string(), "fd00::/8");
        assert!(network("10.0.0.0/33").is_err());
        assert!(network("proxy.example").is_err());
    }

    #[test]
    fn a_certificate_comes_with_its_key() {
        let mut serve = Serve::with_defaults("postgres://localhost/quire");
        serve.tls_certificate = Some("quire.pem".into());
        assert!(serve.validate().is_err());
    }

    #[test]
    fn a_provider_is_set_as_a_whole_and_speaks_tls() {
        for (issuer, client_id, is_good) in [
            (None, None, true),
            (Some("https://id.example"), Some("quire"), true),
            (Some("http://127.0.0.1:9000"), Some("quire"), true),
            (Some("https://id.example"), None, false),
            (None, Some("quire"), false),
            (Some("http://id.example"), Some("quire"), false),
            (Some("http://127.0.0.1.example"), Some("quire"), false),
        ] {
            let mut serve = Serve::with_defaults("postgres://localhost/quire");
            serve.oidc.issuer = issuer.map(str::to_owned);
            serve.oidc.client_id = client_id.map(str::to_owned);
            assert_eq!(serve.validate().is_ok(), is_good, "{issuer:?}");
        }
    }

    #[test]
    fn defaults_do_not_depend_on_the_environment() {
        let serve = Serve::with_defaults("postgres://localhost/quire");
        assert_eq!(serve.document_bytes, 256 << 20);
        assert_eq!(serve.listen.port(), 0);
        serve.validate().expect("the defaults are valid");
    }
}
