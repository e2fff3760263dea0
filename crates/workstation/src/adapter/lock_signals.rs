//! Linux desktops say over D-Bus that somebody locks the screen or that the computer goes to
//! sleep; the profile is locked then. Sleep waits until the keys are gone: an inhibitor of the
//! kind `delay` holds it up, for five seconds at most.

use std::time::Duration;

use futures_util::stream::{BoxStream, SelectAll, StreamExt};
use zbus::zvariant::{OwnedFd, OwnedObjectPath};
use zbus::{Connection, MatchRule, MessageStream, connection, message};

use crate::facade::Workstation;

/// When a bus that was not there, or went, is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// The addresses of the two buses; none: those of this computer.
#[derive(Debug, Clone, Default)]
pub struct Buses {
    /// Where logind is.
    pub system: Option<String>,
    /// Where the screen saver is.
    pub session: Option<String>,
}

#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1",
    gen_blocking = false
)]
trait Logind {
    #[zbus(name = "GetSessionByPID")]
    fn get_session_by_pid(&self, pid: u32) -> zbus::Result<OwnedObjectPath>;

    fn get_session(&self, id: &str) -> zbus::Result<OwnedObjectPath>;

    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;

    #[zbus(signal)]
    fn prepare_for_sleep(&self, start: bool) -> zbus::Result<()>;
}

/// Locks on these signals, for as long as the program runs. Where there is no logind or no screen
/// saver, the idle lock is what is left.
pub async fn watch(workstation: Workstation, buses: Buses) {
    let logind = again_and_again("logind", || {
        with_logind(&workstation, buses.system.as_deref())
    });
    let saver = again_and_again("the screen saver", || {
        with_screen_saver(&workstation, buses.session.as_deref())
    });
    futures_util::future::join(logind, saver).await;
}

async fn again_and_again<F: Future<Output = zbus::Result<()>>>(
    who: &'static str,
    watch: impl Fn() -> F,
) {
    let mut told = false;
    loop {
        match watch().await {
            Ok(()) => tracing::warn!(who, "the bus went away"),
            Err(error) if !told => {
                told = true;
                tracing::info!(who, reason = %error, "is not heard");
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Until the bus goes away.
async fn with_logind(workstation: &Workstation, address: Option<&str>) -> zbus::Result<()> {
    let bus = match address {
        Some(address) => connection::Builder::address(address)?.build().await?,
        None => Connection::system().await?,
    };
    let logind = LogindProxy::new(&bus).await?;
    let mut sleeps = logind.receive_prepare_for_sleep().await?;
    let mut locks = lock_signals(&bus, &logind).await?;
    // Dropped, it lets the computer go.
    let mut delay = delay(&logind).await;
    loop {
        tokio::select! {
            sleep = sleeps.next() => {
                let Some(sleep) = sleep else { return Ok(()) };
                if sleep.args()?.start {
                    workstation.lock_now("sleep").await;
                    drop(delay.take());
                } else {
                    delay = self::delay(&logind).await;
                }
            }
            lock = locks.next() => {
                if lock.is_none() {
                    return Ok(());
                }
                workstation.lock_now("session-lock").await;
            }
        }
    }
}

/// Holds sleep up until it is dropped; none where that is not allowed.
async fn delay(logind: &LogindProxy<'_>) -> Option<OwnedFd> {
    let why = "Drops its keys before the computer sleeps";
    match logind.inhibit("sleep", "Rounds", why, "delay").await {
        Ok(held) => Some(held),
        Err(error) => {
            tracing::warn!(reason = %error, "sleep cannot be held up until the keys are gone");
            None
        }
    }
}

/// `Lock` of our session; of every session where ours is not known, which is the safe side.
async fn lock_signals(bus: &Connection, logind: &LogindProxy<'_>) -> zbus::Result<MessageStream> {
    let by_process = logind.get_session_by_pid(std::process::id()).await;
    let session = match (by_process, std::env::var("XDG_SESSION_ID")) {
        (Ok(path), _) => Some(path),
        // A program that the user's service manager started belongs to no session itself.
        (Err(_), Ok(id)) => logind.get_session(&id).await.ok(),
        (Err(_), Err(_)) => None,
    };
    let mut rule = MatchRule::builder()
        .msg_type(message::Type::Signal)
        .sender("org.freedesktop.login1")?
        .interface("org.freedesktop.login1.Session")?
        .member("Lock")?;
    if let Some(path) = &session {
        rule = rule.path(path.as_ref())?;
    }
    MessageStream::for_match_rule(rule.build(), bus, None).await
}

/// GNOME tells of its lock screen here and not by logind; so do KDE and others under the name
/// that the desktops agreed on.
async fn with_screen_saver(workstation: &Workstation, address: Option<&str>) -> zbus::Result<()> {
    let bus = match address {
        Some(address) => connection::Builder::address(address)?.build().await?,
        None => Connection::session().await?,
    };
    let mut savers: SelectAll<BoxStream<'_, _>> = SelectAll::new();
    for interface in ["org.gnome.ScreenSaver", "org.freedesktop.ScreenSaver"] {
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .interface(interface)?
            .member("ActiveChanged")?
            .build();
        savers.push(
            MessageStream::for_match_rule(rule, &bus, None)
                .await?
                .boxed(),
        );
    }
    while let Some(told) = savers.next().await {
        if told?.body().deserialize::<bool>()? {
            workstation.lock_now("screen-saver").await;
        }
    }
    Ok(())
}
