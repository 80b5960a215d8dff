//! Connecting where the address names several hosts: to the primary that this server follows, not to
//! the first one that answers. One that does not answer holds nobody up.

use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::Connect;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};

use super::lineage::Lineage;
use super::tls::Tls;

/// How long one host is waited for before the next one is tried as well.
const HEAD_START: Duration = Duration::from_millis(300);
/// How long a better one is waited for when one that is not the best has answered.
const PATIENCE: Duration = Duration::from_secs(2);

/// Makes the connections of a pool.
pub(super) struct Hosts {
    pub tls: Tls,
    pub lineage: Lineage,
}

type Made = (Client, JoinHandle<()>);

impl Connect for Hosts {
    fn connect(
        &self,
        config: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<Made, Error>> + Send + '_>> {
        let config = config.clone();
        Box::pin(async move { self.best_of(places(&config).await).await })
    }
}

impl Hosts {
    /// A connection to the primary that is followed. When there is none, one that the pool then
    /// refuses with the reason; while nothing is followed yet, whatever there is.
    async fn best_of(&self, places: Vec<Config>) -> Result<Made, Error> {
        let mut places = places.into_iter();
        let mut attempts = FuturesUnordered::new();
        let (mut second_best, mut failure) = (None, None);
        attempts.extend(places.next().map(|place| self.attempt(place)));
        loop {
            let patience = match (places.len(), &second_best) {
                (1.., _) => HEAD_START,
                (0, Some(_)) => PATIENCE,
                // The pool bounds it.
                (0, None) => Duration::MAX,
            };
            match tokio::time::timeout(patience, attempts.next()).await {
                Ok(Some(Ok((made, true)))) => return Ok(made),
                Ok(Some(Ok((made, false)))) => second_best = second_best.or(Some(made)),
                Ok(Some(Err(error))) => failure = Some(error),
                Ok(None) => break,
                Err(_) if places.len() == 0 => break,
                Err(_) => {}
            }
            attempts.extend(places.next().map(|place| self.attempt(place)));
        }
        match (second_best, failure) {
            (Some(made), _) => Ok(made),
            (None, Some(error)) => Err(error),
            (None, None) => unreachable!("an address names at least one host"),
        }
    }

    /// Connects to one place, and says whether it is the one that is wanted.
    async fn attempt(&self, place: Config) -> Result<(Made, bool), Error> {
        let (client, connection) = place.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async move {
            // Its end shows in the next question.
            let _ = connection.await;
        });
        let asked = self.lineage.ask(&client).await;
        let is_wanted =
            asked.is_ok_and(|(identity, admitted)| !identity.is_read_only && admitted.is_ok());
        Ok(((client, task), is_wanted))
    }
}

/// How many hosts an address names.
pub(super) fn count(config: &Config) -> usize {
    config.get_hosts().len().max(config.get_hostaddrs().len())
}

/// One configuration for each place that `config` names: every address of every host, in its order. A
/// name that cannot be resolved is a place too: connecting says what is wrong with it.
pub async fn places(config: &Config) -> Vec<Config> {
    let mut places = Vec::new();
    for index in 0..count(config) {
        let host = config.get_hosts().get(index);
        let ports = config.get_ports();
        let port = *ports.get(index).or(ports.first()).unwrap_or(&5432);
        let literal = config.get_hostaddrs().get(index).copied();
        let found = match (host, literal) {
            (_, Some(literal)) => vec![literal],
            (Some(Host::Tcp(name)), None) => match tokio::net::lookup_host((&**name, port)).await {
                Ok(found) => found.map(|address| address.ip()).collect(),
                Err(_) => Vec::new(),
            },
            (_, None) => Vec::new(),
        };
        let mut base = settings(config);
        base.port(port);
        match host {
            Some(Host::Tcp(name)) => drop(base.host(name)),
            Some(Host::Unix(folder)) => drop(base.host_path(folder)),
            None => {}
        }
        if found.is_empty() {
            places.push(base);
            continue;
        }
        for address in found {
            let mut place = base.clone();
            place.hostaddr(address);
            places.push(place);
        }
    }
    places
}

/// Everything in `config` but where it leads.
fn settings(config: &Config) -> Config {
    let mut one = Config::new();
    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|name| one.dbname(name));
    config.get_options().map(|options| one.options(options));
    config
        .get_application_name()
        .map(|name| one.application_name(name));
    config
        .get_connect_timeout()
        .map(|timeout| one.connect_timeout(*timeout));
    config
        .get_tcp_user_timeout()
        .map(|timeout| one.tcp_user_timeout(*timeout));
    config
        .get_keepalives_interval()
        .map(|interval| one.keepalives_interval(interval));
    config
        .get_keepalives_retries()
        .map(|retries| one.keepalives_retries(retries));
    one.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .target_session_attrs(config.get_target_session_attrs())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle());
    one
}
