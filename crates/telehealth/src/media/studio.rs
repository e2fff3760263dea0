//! The clinician's devices during a visit, and what comes of everybody else. It outlasts the single
//! call: whoever rejoins is seen and heard at once.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{broadcast, watch};

use super::device::{self, DeviceError, Running};
use super::gallery::Scene;
use super::participants::Participants;
use super::screen::Source;
use super::sound::{self, Ear};
use super::voice::Mouth;
use super::{FRAME, Picture, lock};
use crate::visit::Party;

/// A picture that is passed on without copying it; nothing where the camera is off.
pub type Shown = Option<Arc<Picture>>;

/// Pieces of own sound that wait for a slow reader before the oldest is dropped.
const PATIENCE: usize = 8;

/// What is switched on, and what it gives.
pub struct Studio {
    camera: Mutex<Option<Running>>,
    microphone: Mutex<Option<Running>>,
    loudspeaker: Mutex<Option<Running>>,
    screen: Mutex<Option<Running>>,
    /// A screen is shown in place of what the camera gives.
    sharing: Arc<AtomicBool>,
    own_picture: watch::Sender<Shown>,
    own_sound: broadcast::Sender<Arc<[i16; FRAME]>>,
    participants: Participants,
    ear: Arc<Mutex<Ear>>,
    own_level: Arc<AtomicU8>,
    /// Nothing is opened any more.
    closed: AtomicBool,
}

impl Default for Studio {
    fn default() -> Self {
        Self {
            camera: Mutex::default(),
            microphone: Mutex::default(),
            loudspeaker: Mutex::default(),
            screen: Mutex::default(),
            sharing: Arc::default(),
            own_picture: watch::Sender::new(None),
            own_sound: broadcast::Sender::new(PATIENCE),
            participants: Participants::default(),
            ear: Arc::default(),
            own_level: Arc::default(),
            closed: AtomicBool::new(false),
        }
    }
}

fn works(device: &Mutex<Option<Running>>) -> bool {
    lock(device).as_ref().is_some_and(Running::works)
}

/// Milliseconds since 1970, for the stamp of the test picture: it is compared with the clock of
/// another process.
pub fn wall_clock() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or_default()
        })
}

impl Studio {
    /// Uses this camera; none: the camera is off, and nothing is captured.
    ///
    /// # Errors
    /// [`DeviceError`]; the camera is off then.
    pub fn use_camera(&self, id: Option<&str>) -> Result<(), DeviceError> {
        let mut camera = lock(&self.camera);
        // The one before is closed first: it may be the same.
        *camera = None;
        if !self.sharing.load(Ordering::Relaxed) {
            self.own_picture.send_replace(None);
        }
        if let Some(id) = self.unless_closed(id)? {
            let pictures = self.own_picture.clone();
            let sharing = Arc::clone(&self.sharing);
            *camera = Some(device::camera(id, wall_clock, move |picture| {
                if !sharing.load(Ordering::Relaxed) {
                    pictures.send_replace(Some(Arc::new(picture)));
                }
            })?);
        }
        Ok(())
    }

    /// Shows a window or a screen in place of what the camera gives, until told to stop.
    ///
    /// # Errors
    /// [`DeviceError`]; the camera's picture goes on then.
    pub fn share(&self, source: &Source) -> Result<(), DeviceError> {
        let mut screen = lock(&self.screen);
        *screen = None;
        self.unless_closed(Some(&source.id))?;
        self.sharing.store(true, Ordering::Relaxed);
        let pictures = self.own_picture.clone();
        let begun = super::screen::look(source, move |picture| {
            pictures.send_replace(Some(Arc::new(picture)));
        });
        match begun {
            Ok(running) => {
                *screen = Some(running);
                Ok(())
            }
            Err(error) => {
                self.unshare();
                Err(error)
            }
        }
    }

    /// Ends the showing of a window or screen.
    pub fn stop_sharing(&self) {
        let before = lock(&self.screen).take();
        if before.is_some() {
            drop(before);
            self.unshare();
        }
    }

    fn unshare(&self) {
        // What was shown last does not stay before the other side's eyes where no camera is.
        let empty = Picture::new(device::WIDTH, device::HEIGHT);
        self.own_picture.send_replace(Some(Arc::new(empty)));
        self.sharing.store(false, Ordering::Relaxed);
    }

    /// Whether a window or screen is shown, and is still there.
    pub fn shares(&self) -> bool {
        works(&self.screen)
    }

    /// Uses this microphone; none: it is mute, and nothing is captured.
    ///
    /// # Errors
    /// [`DeviceError`]; it is mute then.
    pub fn use_microphone(&self, id: Option<&str>) -> Result<(), DeviceError> {
        let mut microphone = lock(&self.microphone);
        *microphone = None;
        self.own_level.store(0, Ordering::Relaxed);
        if let Some(id) = self.unless_closed(id)? {
            let sound = self.own_sound.clone();
            let level = Arc::clone(&self.own_level);
            let mut mouth = if id == device::STAND_IN {
                // No room and no loudspeaker is in the test tone, and steady tones pass for noise.
                Mouth::untouched()
            } else {
                Mouth::new(Arc::clone(&self.ear))
            };
            *microphone = Some(device::microphone(id, move |samples| {
                mouth.take(samples, |frame| {
                    level.store(sound::level(&frame), Ordering::Relaxed);
                    // Nobody may be listening: there is no call yet.
                    let _ = sound.send(Arc::new(frame));
                });
            })?);
        }
        Ok(())
    }

    /// Uses this loudspeaker; none: nothing is heard.
    ///
    /// # Errors
    /// [`DeviceError`]; nothing is heard then.
    pub fn use_loudspeaker(&self, id: Option<&str>) -> Result<(), DeviceError> {
        let mut loudspeaker = lock(&self.loudspeaker);
        *loudspeaker = None;
        if let Some(id) = self.unless_closed(id)? {
            *loudspeaker = Some(device::loudspeaker(id, Arc::clone(&self.ear))?);
        }
        Ok(())
    }

    fn unless_closed<'a>(&self, id: Option<&'a str>) -> Result<Option<&'a str>, DeviceError> {
        if id.is_some() && self.closed.load(Ordering::Relaxed) {
            return Err(DeviceError::Gone);
        }
        Ok(id)
    }

    /// Closes all devices for good: who is about to open one finds that out.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        for device in [
            &self.camera,
            &self.microphone,
            &self.loudspeaker,
            &self.screen,
        ] {
            // Whoever opens it in this moment is waited for, and what they opened is closed.
            let running = lock(device).take();
            drop(running);
        }
    }

    /// Whether the camera is on and gives pictures.
    pub fn camera_works(&self) -> bool {
        works(&self.camera)
    }

    /// Whether the microphone is on and hears.
    pub fn microphone_works(&self) -> bool {
        works(&self.microphone)
    }

    /// Whether the loudspeaker is on and plays.
    pub fn loudspeaker_works(&self) -> bool {
        works(&self.loudspeaker)
    }

    /// What the patient is sent: what the camera gives, or the window or screen that is shown.
    pub fn own_picture(&self) -> watch::Receiver<Shown> {
        self.own_picture.subscribe()
    }

    /// What the camera of one who takes part gives.
    pub fn their_picture(&self, party: Party) -> watch::Receiver<Shown> {
        self.participants.picture(party)
    }

    /// What their microphone gives, beside the loudspeaker.
    pub fn their_sound(&self, party: Party) -> broadcast::Receiver<Arc<Vec<i16>>> {
        self.participants.sound(party)
    }

    /// How loud the clinician is, 0 to 100.
    pub fn own_level(&self) -> u8 {
        self.own_level.load(Ordering::Relaxed)
    }

    /// How loud one who takes part is, 0 to 100.
    pub fn their_level(&self, party: Party) -> u8 {
        self.participants.level(party)
    }

    pub(crate) fn own_sound(&self) -> broadcast::Receiver<Arc<[i16; FRAME]>> {
        self.own_sound.subscribe()
    }

    /// Somebody is in the call: seen and heard by all others who are.
    pub(crate) fn join(&self, party: Party) {
        self.participants.join(party);
    }

    /// Nothing comes from them now; it may again.
    pub(crate) fn lose(&self, party: Party) {
        self.participants.lose(party);
    }

    /// Their call is over.
    pub(crate) fn part(&self, party: Party) {
        self.participants.part(party);
        lock(&self.ear).forget(party);
    }

    pub(crate) fn show(&self, party: Party, picture: Arc<Picture>) {
        self.participants.show(party, picture);
    }

    pub(crate) fn play(&self, party: Party, sound: Vec<i16>) {
        lock(&self.ear).push(party, &sound);
        self.participants.say(party, Arc::new(sound));
    }

    /// What one who takes part is to see, now that the clinician gives this.
    pub(crate) fn scene(&self, party: Party, own: Shown) -> Scene {
        Scene {
            own,
            others: self.participants.others(party),
        }
    }

    /// Adds what one who takes part is to hear of the others.
    pub(crate) fn add_voices(&self, party: Party, frame: &mut [i16; FRAME]) {
        self.participants.add_voices(party, frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::device::STAND_IN;

    #[test]
    fn t2_a_closed_studio_opens_nothing_any_more() {
        let studio = Studio::default();
        studio.use_camera(Some(STAND_IN)).unwrap();
        assert!(studio.camera_works() && !studio.microphone_works());
        studio.close();
        assert!(!studio.camera_works());
        assert!(studio.use_camera(Some(STAND_IN)).is_err());
        assert!(studio.use_microphone(Some(STAND_IN)).is_err());
        assert!(!studio.camera_works() && !studio.microphone_works());
        studio.use_camera(None).unwrap();
    }
}
