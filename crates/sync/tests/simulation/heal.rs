//! The network works again, disks have room, people decide, and everything comes to rest.

use jiff::SignedDuration;
use sync::{Connection, Input};

use crate::world::World;

impl World {
    pub fn heal(&mut self) {
        self.trace(|| "everything works again".to_owned());
        self.healed = true;
        self.server.forbidden.clear();
        for device in 0..self.devices.len() {
            self.devices[device].cut = false;
            self.devices[device].full = false;
            self.tell(device, Input::SignedIn);
            self.tell(device, Input::ResumeFill);
        }
        for _ in 0..200 {
            self.pass(SignedDuration::from_secs(100));
            let mut busy = false;
            for device in 0..self.devices.len() {
                busy |= self.decide(device);
                busy |= self.hand_over(device);
                busy |= self.take_note(device);
                // The end of a session may have been on its way.
                let asked = self.devices[device].state.as_ref();
                if asked.is_some_and(|state| state.connection == Connection::SignInNeeded) {
                    self.tell(device, Input::SignedIn);
                }
                let here = &self.devices[device];
                // A run that is under way has not said yet what came of it.
                busy |= here
                    .state
                    .as_ref()
                    .is_none_or(|state| !state.is_up_to_date() || state.stage.is_some());
                busy |= !self.server.is_at_the_end(device, here.engine.cursor());
            }
            if !busy {
                return;
            }
        }
        for device in &self.devices {
            println!("{:?}", device.state);
            let outbox = device.cache().read(|reading| reading.unsent()).unwrap();
            println!("{:#?}", outbox.changes);
        }
        panic!("it never came to rest");
    }
}
