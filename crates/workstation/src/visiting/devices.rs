//! Cameras, microphones and loudspeakers of a visit: looked after for as long as it lasts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use telehealth::media::Studio;
use telehealth::media::choice::{Choice, Loss, Turn, Wish};
use telehealth::media::device::{self, Device, DeviceError};

use crate::view::visit::{DeviceKind, DeviceLoss, DeviceTroubleView, DeviceView, DevicesView};

/// Devices are listed anew this often.
const LOOK: Duration = Duration::from_secs(2);
/// In this order they are opened: whoever is called hears before being seen.
const KINDS: [DeviceKind; 3] = [
    DeviceKind::Loudspeaker,
    DeviceKind::Microphone,
    DeviceKind::Camera,
];

/// The computer, as far as devices go.
trait Rig {
    /// What there is now.
    fn list(&self, kind: DeviceKind) -> Vec<Device>;
    /// Whether the device in use still gives or takes anything.
    fn works(&self, kind: DeviceKind) -> bool;
    /// Closes the device in use, and opens this one if it is one.
    fn switch(&self, kind: DeviceKind, id: Option<&str>) -> Result<(), DeviceError>;
}

fn list(kind: DeviceKind) -> Vec<Device> {
    match kind {
        DeviceKind::Camera => device::cameras(),
        DeviceKind::Microphone => device::microphones(),
        DeviceKind::Loudspeaker => device::loudspeakers(),
    }
}

impl Rig for Studio {
    fn list(&self, kind: DeviceKind) -> Vec<Device> {
        list(kind)
    }

    fn works(&self, kind: DeviceKind) -> bool {
        match kind {
            DeviceKind::Camera => self.camera_works(),
            DeviceKind::Microphone => self.microphone_works(),
            DeviceKind::Loudspeaker => self.loudspeaker_works(),
        }
    }

    fn switch(&self, kind: DeviceKind, id: Option<&str>) -> Result<(), DeviceError> {
        match kind {
            DeviceKind::Camera => self.use_camera(id),
            DeviceKind::Microphone => self.use_microphone(id),
            DeviceKind::Loudspeaker => self.use_loudspeaker(id),
        }
    }
}

/// What is chosen of each kind. Outlasts the visit: the next one begins with it.
#[derive(Default)]
pub(super) struct Devices {
    choices: Mutex<Choices>,
    /// Held while devices are opened and closed: two at it would leave one open.
    turn: Mutex<()>,
}

#[derive(Default)]
struct Choices {
    camera: Choice,
    microphone: Choice,
    loudspeaker: Choice,
    /// Rises whenever a screen would show something else.
    version: u32,
}

impl Choices {
    fn of(&mut self, kind: DeviceKind) -> &mut Choice {
        match kind {
            DeviceKind::Camera => &mut self.camera,
            DeviceKind::Microphone => &mut self.microphone,
            DeviceKind::Loudspeaker => &mut self.loudspeaker,
        }
    }
}

impl Devices {
    fn choices(&self) -> MutexGuard<'_, Choices> {
        // Nothing that can panic runs under this lock.
        self.choices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the devices of a visit and looks after them until it ends.
    pub(super) async fn open(self: &Arc<Self>, studio: &Arc<Studio>) {
        self.look(Arc::clone(studio)).await;
        tokio::spawn(watch(Arc::clone(self), Arc::downgrade(studio)));
    }

    /// The user wants another device, or none of the kind. Without a visit it is kept for the
    /// next one.
    ///
    /// # Errors
    /// The device does not open. Another one is used then, if there is one.
    pub(super) async fn choose(
        self: &Arc<Self>,
        studio: Option<Arc<Studio>>,
        kind: DeviceKind,
        id: Option<String>,
    ) -> Result<(), DeviceError> {
        let devices = Arc::clone(self);
        let chosen = tokio::task::spawn_blocking(move || match studio {
            Some(studio) => devices.take(&*studio, kind, id),
            None => {
                devices.choices().of(kind).wish(wish(id));
                Ok(())
            }
        });
        chosen.await.unwrap_or(Err(DeviceError::Gone))
    }

    /// What is there, and which is used.
    pub(super) async fn view(self: &Arc<Self>, studio: Option<Arc<Studio>>) -> DevicesView {
        let devices = Arc::clone(self);
        let called = studio.is_some();
        let listed = tokio::task::spawn_blocking(move || match studio {
            Some(studio) => devices.settle(&*studio),
            // Nothing is opened where nobody is called.
            None => {
                for kind in KINDS {
                    let found = list(kind);
                    devices.choices().of(kind).found(&found);
                }
            }
        });
        // A listing that fails shows what was listed before.
        let _ = listed.await;
        let choices = self.choices();
        let used = |choice: &Choice| {
            let id = if called {
                choice.used()
            } else {
                choice.planned()
            };
            id.map(str::to_owned)
        };
        DevicesView {
            cameras: shown(&choices.camera),
            microphones: shown(&choices.microphone),
            loudspeakers: shown(&choices.loudspeaker),
            camera: used(&choices.camera),
            microphone: used(&choices.microphone),
            loudspeaker: used(&choices.loudspeaker),
            next_camera: choices.camera.next().map(str::to_owned),
            next_microphone: choices.microphone.next().map(str::to_owned),
        }
    }

    /// What the user is told of devices, and a number that rises with every change of them.
    pub(super) fn told(&self) -> (Vec<DeviceTroubleView>, u32) {
        let mut choices = self.choices();
        let mut told = Vec::new();
        for kind in KINDS {
            if let Some(trouble) = choices.of(kind).trouble() {
                told.push(DeviceTroubleView {
                    kind,
                    loss: match trouble.loss {
                        Loss::Gone => DeviceLoss::Gone,
                        Loss::Closed => DeviceLoss::Closed,
                    },
                    name: trouble.name,
                    instead: trouble.instead,
                });
            }
        }
        (told, choices.version)
    }

    /// All devices of a visit were closed.
    pub(super) fn closed(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut choices = self.choices();
        for kind in KINDS {
            choices.of(kind).closed();
        }
    }

    async fn look(self: &Arc<Self>, studio: Arc<Studio>) {
        let devices = Arc::clone(self);
        // It is looked again in a moment. The studio may end with this: that waits for threads.
        let _ = tokio::task::spawn_blocking(move || devices.settle(&*studio)).await;
    }

    /// Takes up what came and gives up what went, in all kinds.
    fn settle(&self, rig: &impl Rig) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for kind in KINDS {
            self.settle_kind(rig, kind);
        }
    }

    fn settle_kind(&self, rig: &impl Rig, kind: DeviceKind) {
        let listed = rig.list(kind);
        loop {
            let turn = {
                let mut choices = self.choices();
                let choice = choices.of(kind);
                let works = choice.used().is_none() || rig.works(kind);
                let other = choice.listed() != listed;
                let turn = choice.look(&listed, works);
                if other || turn.is_some() {
                    choices.version += 1;
                }
                turn
            };
            // A device that does not open is passed over: this comes to an end.
            let Some(turn) = turn else { return };
            let switched = match &turn {
                Turn::Open(id) => rig.switch(kind, Some(id)),
                Turn::Close => rig.switch(kind, None),
            };
            if let Err(error) = &switched {
                tracing::warn!(?kind, reason = %error, "a device does not open");
            }
            self.choices().of(kind).done(&turn, switched.is_ok());
        }
    }

    fn take(
        &self,
        rig: &impl Rig,
        kind: DeviceKind,
        id: Option<String>,
    ) -> Result<(), DeviceError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut choices = self.choices();
            choices.of(kind).wish(wish(id.clone()));
            choices.version += 1;
        }
        self.settle_kind(rig, kind);
        let mut choices = self.choices();
        if id.is_none() || choices.of(kind).used() == id.as_deref() {
            return Ok(());
        }
        Err(DeviceError::Gone)
    }
}

fn wish(id: Option<String>) -> Wish {
    id.map_or(Wish::Off, Wish::This)
}

fn shown(choice: &Choice) -> Vec<DeviceView> {
    let view = |device: &Device| DeviceView {
        id: device.id.clone(),
        name: device.name.clone(),
    };
    choice.listed().iter().map(view).collect()
}

/// Until the visit lets go of its devices.
async fn watch(devices: Arc<Devices>, studio: Weak<Studio>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(studio) = studio.upgrade() else {
            return;
        };
        devices.look(studio).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A computer whose devices come and go as the test says.
    #[derive(Default)]
    struct Scripted(Mutex<Script>);

    #[derive(Default)]
    struct Script {
        there: BTreeMap<&'static str, Vec<&'static str>>,
        open: BTreeMap<&'static str, String>,
        broken: Vec<&'static str>,
    }

    fn name(kind: DeviceKind) -> &'static str {
        match kind {
            DeviceKind::Camera => "camera",
            DeviceKind::Microphone => "microphone",
            DeviceKind::Loudspeaker => "loudspeaker",
        }
    }

    impl Scripted {
        fn there(&self, kind: DeviceKind, devices: &[&'static str]) {
            self.0
                .lock()
                .unwrap()
                .there
                .insert(name(kind), devices.to_vec());
        }

        fn breaks(&self, device: &'static str) {
            self.0.lock().unwrap().broken.push(device);
        }

        fn open(&self, kind: DeviceKind) -> Option<String> {
            self.0.lock().unwrap().open.get(name(kind)).cloned()
        }
    }

    impl Rig for Scripted {
        fn list(&self, kind: DeviceKind) -> Vec<Device> {
            let script = self.0.lock().unwrap();
            let ids = script.there.get(name(kind)).cloned().unwrap_or_default();
            ids.into_iter()
                .map(|id| Device {
                    id: id.to_owned(),
                    name: id.to_uppercase(),
                    stand_in: false,
                })
                .collect()
        }

        fn works(&self, kind: DeviceKind) -> bool {
            let script = self.0.lock().unwrap();
            let open = script.open.get(name(kind));
            open.is_some_and(|open| !script.broken.contains(&open.as_str()))
        }

        fn switch(&self, kind: DeviceKind, id: Option<&str>) -> Result<(), DeviceError> {
            let mut script = self.0.lock().unwrap();
            script.open.remove(name(kind));
            match id {
                Some(id) if script.broken.contains(&id) => Err(DeviceError::Gone),
                Some(id) => {
                    script.open.insert(name(kind), id.to_owned());
                    Ok(())
                }
                None => Ok(()),
            }
        }
    }

    use DeviceKind::{Camera, Loudspeaker, Microphone};

    #[test]
    fn t2_a_headset_that_is_pulled_out_in_a_call_is_replaced_and_told_of() {
        let (devices, rig) = (Devices::default(), Scripted::default());
        rig.there(Camera, &["lid"]);
        rig.there(Microphone, &["lid", "headset"]);
        rig.there(Loudspeaker, &["lid", "headset"]);
        devices.settle(&rig);
        for kind in [Microphone, Loudspeaker] {
            devices.take(&rig, kind, Some("headset".into())).unwrap();
            assert_eq!(rig.open(kind).as_deref(), Some("headset"));
        }
        let (told, before) = devices.told();
        assert_eq!(told, []);
        // Nothing changes, and no screen is asked to read anything anew.
        devices.settle(&rig);
        assert_eq!(devices.told().1, before);

        rig.there(Microphone, &["lid"]);
        rig.there(Loudspeaker, &[]);
        devices.settle(&rig);
        assert_eq!(rig.open(Microphone).as_deref(), Some("lid"));
        assert_eq!(rig.open(Loudspeaker), None);
        assert_eq!(rig.open(Camera).as_deref(), Some("lid"));
        let (told, after) = devices.told();
        assert!(after > before);
        let trouble = |kind, instead: Option<&str>| DeviceTroubleView {
            kind,
            loss: DeviceLoss::Gone,
            name: "HEADSET".into(),
            instead: instead.map(str::to_owned),
        };
        assert_eq!(
            told,
            [trouble(Loudspeaker, None), trouble(Microphone, Some("LID"))]
        );

        // It is plugged in again.
        rig.there(Microphone, &["lid", "headset"]);
        rig.there(Loudspeaker, &["headset"]);
        devices.settle(&rig);
        assert_eq!(rig.open(Microphone).as_deref(), Some("headset"));
        assert_eq!(rig.open(Loudspeaker).as_deref(), Some("headset"));
        assert_eq!(devices.told().0, []);
    }

    #[test]
    fn t2_a_camera_that_breaks_off_is_replaced_and_one_that_does_not_open_is_said() {
        let (devices, rig) = (Devices::default(), Scripted::default());
        rig.there(Camera, &["lid", "desk", "busy"]);
        rig.breaks("busy");
        devices.settle(&rig);
        assert_eq!(rig.open(Camera).as_deref(), Some("lid"));
        assert!(devices.take(&rig, Camera, Some("busy".into())).is_err());
        assert_eq!(rig.open(Camera).as_deref(), Some("lid"));
        assert_eq!(devices.told().0[0].loss, DeviceLoss::Closed);
        devices.take(&rig, Camera, Some("desk".into())).unwrap();
        assert_eq!(devices.told().0, []);
        rig.breaks("desk");
        devices.settle(&rig);
        assert_eq!(rig.open(Camera).as_deref(), Some("lid"));
        assert_eq!(devices.told().0[0].name, "DESK");
    }

    #[test]
    fn t2_who_is_mute_when_devices_change_stays_mute_and_comes_back_by_the_one_chosen() {
        let (devices, rig) = (Devices::default(), Scripted::default());
        rig.there(Microphone, &["lid", "headset"]);
        devices
            .take(&rig, Microphone, Some("headset".into()))
            .unwrap();
        devices.take(&rig, Microphone, None).unwrap();
        assert_eq!(rig.open(Microphone), None);
        rig.there(Microphone, &["lid", "headset", "third"]);
        devices.settle(&rig);
        assert_eq!(rig.open(Microphone), None);
        let next = devices.choices().microphone.next().map(str::to_owned);
        assert_eq!(next.as_deref(), Some("headset"));
        // The next visit begins as this one was left.
        devices.closed();
        devices.settle(&rig);
        assert_eq!(rig.open(Microphone), None);
    }
}
