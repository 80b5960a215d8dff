//! `quire dev` from start to stop: Postgres, the schema, the link, the servers; and back.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::binaries::usable;
use super::dba::{DBA, make_dba};
use super::process::{blocking, io};
use super::standby::{start_standbys, url_of_all};
use super::{Binaries, EmbeddedPostgres, Options, Reserved, ServerProcess, Stop, User};
use crate::auth::welcome_link;
use crate::config::Serve;
use crate::error::{Error, Kind, Result};
use crate::postgres::{migrate, pool};
use crate::server::Server;

/// How often Postgres is looked after.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs Quire on its own Postgres until `stop` completes. `program` is Quire's own binary.
/// Errors: [`Kind::Setting`] when something must be mended first.
pub async fn run(
    options: &Options,
    program: PathBuf,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let folder = folder(&options.data()?)?;
    // Held until the end: a second one on the same folder is told so.
    let _lock = lock(&folder)?;
    let mut postgres = {
        let (folder, bin) = (folder.clone(), options.postgres_bin.clone());
        let has_standbys = options.standbys > 0;
        blocking(move || start_postgres(&folder, bin.as_deref(), has_standbys)).await?
    };
    let database_url = postgres.url("quire");
    let database = pool(&database_url, 2)?;
    migrate(&database).await?;
    let token = welcome_link(&database).await?;
    let password = make_dba(&database, &postgres).await?;
    drop(database);
    let standbys = start_standbys(&postgres, usize::from(options.standbys)).await?;
    let database_url = url_of_all(&postgres, &standbys, "quire");
    let sql_at = options.sql_address()?;
    let servers = Servers::start(options, &sql_at, program, &database_url).await?;
    let sql = format!("postgres://{DBA}:{password}@{}/quire", sql_at.address());
    greet(&servers.addresses(), &token, &sql, &folder, &postgres);
    for standby in &standbys {
        println!(
            "A standby: psql -h {} -U quire quire",
            standby.socket().display()
        );
    }
    tokio::select! {
        biased;
        () = stop => {}
        failure = look_after(&mut postgres) => return Err(failure),
    }
    // Whoever read what this prints may be gone.
    let _ = writeln!(std::io::stdout(), "stopping");
    servers.stop().await;
    drop(standbys);
    blocking(move || postgres.stop(Stop::Fast)).await
}

/// Makes the folder and gives its whole path.
fn folder(data: &Path) -> Result<PathBuf> {
    let make = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(data);
    make.map_err(|e| io("make --data", data, e))?;
    data.canonicalize().map_err(|e| io("find --data", data, e))
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|e| io("open", &path, e))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let owner = fs::read_to_string(&path).unwrap_or_default();
        return Err(Error::new(
            Kind::Setting,
            format!(
                "quire dev runs on {} already (process {}): stop it, or name another folder with --data",
                folder.display(),
                owner.trim()
            ),
        ));
    }
    file.set_len(0).map_err(|e| io("write", &path, e))?;
    writeln!(file, "{}", std::process::id()).map_err(|e| io("write", &path, e))?;
    Ok(file)
}

fn start_postgres(
    folder: &Path,
    bin: Option<&Path>,
    has_standbys: bool,
) -> Result<EmbeddedPostgres> {
    let user = User::ordinary()?;
    user.check_reaches(folder)?;
    let home = folder.join("postgres");
    // Data are readable only by the version that made them.
    let major = fs::read_to_string(home.join("data/PG_VERSION"))
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let majors = major.map_or_else(|| usable(has_standbys), |major| major..=major);
    let binaries = Binaries::find(bin, majors, &user, folder)?;
    EmbeddedPostgres::init(&home, &binaries, &user, true)?;
    EmbeddedPostgres::start(&home, &binaries, &user, &[])
}

/// Starts Postgres again whenever it ends by itself. Returns only when that fails.
async fn look_after(postgres: &mut EmbeddedPostgres) -> Error {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    loop {
        tick.tick().await;
        if postgres.has_ended() {
            tracing::error!("Postgres ended by itself; it is started again");
            // Nothing else goes on meanwhile: the servers wait for their database as well.
            if let Err(error) = tokio::task::block_in_place(|| postgres.start_again()) {
                return error;
            }
        }
    }
}

/// One server in this process, or several in their own.
enum Servers {
    /// And what its address begins with.
    Here(Box<Server>, &'static str),
    Children(Vec<ServerProcess>),
}

impl Servers {
    async fn start(
        options: &Options,
        sql_listen: &Reserved,
        program: PathBuf,
        database_url: &str,
    ) -> Result<Self> {
        let addresses = options.addresses()?;
        let [listen] = &addresses[..] else {
            let more = |index| {
                let mut arguments = options.arguments(index);
                if index == 0 {
                    arguments.extend(["--sql-listen".to_owned(), sql_listen.address().to_string()]);
                }
                arguments
            };
            let scheme = options.scheme();
            let children =
                ServerProcess::spawn_several(&program, database_url, scheme, &addresses, more);
            return Ok(Self::Children(children.await?));
        };
        let (scheme, listen) = (options.scheme(), listen.address());
        let mut arguments = vec!["--public-url".to_owned(), format!("{scheme}://{listen}")];
        if listen.ip().is_loopback() {
            let name = format!("{scheme}://localhost:{}", listen.port());
            arguments.extend(["--public-url".to_owned(), name]);
        }
        arguments.extend(options.arguments(0));
        let mut settings = Serve::with_arguments(database_url, &arguments)?;
        settings.listen = listen;
        settings.sql_listen = Some(sql_listen.address());
        let server = Server::start(&settings, program).await?;
        Ok(Self::Here(Box::new(server), scheme))
    }

    fn addresses(&self) -> Vec<String> {
        match self {
            Self::Here(server, scheme) => vec![format!("{scheme}://{}", server.address())],
            Self::Children(children) => children
                .iter()
                .map(|child| child.address().to_owned())
                .collect(),
        }
    }

    async fn stop(self) {
        match self {
            Self::Here(server, _) => server.stop().await,
            Self::Children(mut children) => {
                let stops = children.iter_mut().map(ServerProcess::stop);
                for outcome in futures_util::future::join_all(stops).await {
                    match outcome {
                        Ok(status) if status.success() => {}
                        Ok(status) => tracing::warn!(%status, "a server did not stop properly"),
                        Err(error) => tracing::warn!(%error, "a server did not stop properly"),
                    }
                }
            }
        }
    }
}

fn greet(
    addresses: &[String],
    token: &crate::auth::Token,
    sql: &str,
    folder: &Path,
    postgres: &EmbeddedPostgres,
) {
    let (first, others) = addresses.split_first().expect("at least one server runs");
    println!(
        "\nQuire is running. This address signs you in, once:\n\n    {first}/welcome#{}\n",
        token.reveal()
    );
    if !others.is_empty() {
        println!("The servers are {}.", addresses.join(", "));
    }
    println!("Every edit can be read with SQL:\n\n    psql {sql}\n");
    println!(
        "Documents are kept in {} (PostgreSQL {}: psql -h {} -U quire quire).\nCtrl-C stops.",
        folder.display(),
        postgres.major(),
        postgres.socket().display()
    );
}
