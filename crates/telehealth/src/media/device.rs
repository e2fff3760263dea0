//! Cameras, microphones and loudspeakers. Where none is, a test picture and a test tone stand in,
//! under names that say so; where one is, they are not offered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{SampleFormat, StreamConfig};
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
    Resolution,
};

use super::sound::{Ear, Resampler};
use super::{FRAME, Picture, RATE, lock, pattern};

/// Pictures are taken in this size.
pub const WIDTH: usize = 640;
/// See [`WIDTH`].
pub const HEIGHT: usize = 360;
/// Id of the test picture and of the test tone.
pub const STAND_IN: &str = "stand-in";
/// The test tone.
pub const TONE: f32 = 440.0;

const PICTURE_TIME: Duration = Duration::from_micros(33_333);
const FRAME_TIME: Duration = Duration::from_millis(20);

/// A device, as a menu shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What the choice is remembered by.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// It is no device: see [`STAND_IN`].
    pub stand_in: bool,
}

/// Why a device cannot be used. The texts of drivers are kept as sources.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// It is not there, or not any more.
    #[error("the device is not there")]
    Gone,
    /// It does not open: another program has it, or the system does not allow it.
    #[error("the camera does not open")]
    Camera(#[source] nokhwa::NokhwaError),
    /// See [`Self::Camera`].
    #[error("the sound device does not open")]
    Sound(#[source] cpal::Error),
    /// It cannot be looked at any more.
    #[error("the screen cannot be looked at")]
    Screen(#[source] x11rb::errors::ReplyOrIdError),
    /// It gives its pictures or sound in a form that is not read.
    #[error("the device speaks a form that is not understood")]
    Form,
    /// No thread could be started.
    #[error("no thread could be started")]
    Thread(#[source] std::io::Error),
}

/// A device at work. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Whether it goes on: a device that was pulled out ends by itself.
    pub(crate) fn works(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The thread may have ended by itself when the device was pulled out.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts a thread that opens a device, says how that went, and works until it is told to stop.
pub(super) fn run(
    name: &str,
    work: impl FnOnce(&std::sync::mpsc::Receiver<()>, &dyn Fn(Result<(), DeviceError>)) + Send + 'static,
) -> Result<Running, DeviceError> {
    let (stop, stopping) = channel();
    let (opened, opening) = channel();
    let thread = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            work(&stopping, &|result| {
                // Nobody hears it only if whoever waits has gone away.
                let _ = opened.send(result);
            });
        })
        .map_err(DeviceError::Thread)?;
    let running = Running {
        stop,
        thread: Some(thread),
    };
    opening.recv().map_err(|_| DeviceError::Gone)??;
    Ok(running)
}

/// Waits until `until` or until told to stop, and says whether to go on.
pub(super) fn go_on(stopping: &std::sync::mpsc::Receiver<()>, until: Instant) -> bool {
    let wait = until.saturating_duration_since(Instant::now());
    matches!(stopping.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}

fn stand_in(name: &str) -> Vec<Device> {
    vec![Device {
        id: STAND_IN.to_owned(),
        name: name.to_owned(),
        stand_in: true,
    }]
}

/// The cameras of this computer, or the test picture.
pub fn cameras() -> Vec<Device> {
    let found: Vec<Device> = nokhwa::query(ApiBackend::Auto)
        .unwrap_or_default()
        .into_iter()
        .map(|camera| Device {
            id: camera.index().as_string(),
            name: camera.human_name(),
            stand_in: false,
        })
        .collect();
    if found.is_empty() {
        return stand_in("No camera found: test picture");
    }
    found
}

fn listed(devices: impl Iterator<Item = cpal::Device>) -> Vec<Device> {
    devices
        .filter_map(|device| {
            let id = device.id().ok()?.to_string();
            // ALSA lists a device that hears and plays nothing.
            if id.rsplit(':').next() == Some("null") {
                return None;
            }
            Some(Device {
                id,
                name: device.description().ok()?.name().to_owned(),
                stand_in: false,
            })
        })
        .collect()
}

/// The microphones of this computer, or the test tone.
pub fn microphones() -> Vec<Device> {
    let found = cpal::default_host()
        .input_devices()
        .map(listed)
        .unwrap_or_default();
    if found.is_empty() {
        return stand_in("No microphone found: test tone");
    }
    found
}

/// The loudspeakers of this computer; there may be none.
pub fn loudspeakers() -> Vec<Device> {
    cpal::default_host()
        .output_devices()
        .map(listed)
        .unwrap_or_default()
}

/// Starts a camera. `now` gives the time that the test picture shows, in milliseconds.
///
/// # Errors
/// [`DeviceError`].
pub fn camera(
    id: &str,
    now: impl Fn() -> u64 + Send + 'static,
    taken: impl Fn(Picture) + Send + 'static,
) -> Result<Running, DeviceError> {
    if id == STAND_IN {
        return run("test picture", move |stopping, opened| {
            opened(Ok(()));
            let mut next = Instant::now();
            while go_on(stopping, next) {
                taken(pattern::draw(WIDTH, HEIGHT, now()));
                next = (next + PICTURE_TIME).max(Instant::now());
            }
        });
    }
    let index = id.parse::<u32>().map_err(|_| DeviceError::Gone)?;
    run("camera", move |stopping, opened| {
        let wished = CameraFormat::new(
            Resolution::new(WIDTH as u32, HEIGHT as u32),
            FrameFormat::YUYV,
            30,
        );
        let format = RequestedFormat::with_formats(
            RequestedFormatType::Closest(wished),
            &[FrameFormat::YUYV],
        );
        let started =
            nokhwa::Camera::new(CameraIndex::Index(index), format).and_then(|mut camera| {
                camera.open_stream()?;
                Ok(camera)
            });
        let mut camera = match started {
            Ok(camera) if camera.frame_format() == FrameFormat::YUYV => camera,
            Ok(_) => return opened(Err(DeviceError::Form)),
            Err(error) => return opened(Err(DeviceError::Camera(error))),
        };
        opened(Ok(()));
        let size = camera.resolution();
        let from = (size.width() as usize, size.height() as usize);
        while go_on(stopping, Instant::now()) {
            // A camera that was pulled out gives no more pictures: the thread ends with it.
            let Ok(bytes) = camera.frame_raw() else {
                return;
            };
            if let Some(picture) = Picture::from_yuyv(&bytes, from, (WIDTH, HEIGHT)) {
                taken(picture);
            }
        }
    })
}

/// Starts a microphone; sound comes in any length, at our rate.
///
/// # Errors
/// [`DeviceError`].
pub fn microphone(
    id: &str,
    mut heard: impl FnMut(&[i16]) + Send + 'static,
) -> Result<Running, DeviceError> {
    if id == STAND_IN {
        return run("test tone", move |stopping, opened| {
            opened(Ok(()));
            let mut next = Instant::now();
            let mut at = 0_usize;
            while go_on(stopping, next) {
                let mut sound = [0_i16; FRAME];
                for sample in &mut sound {
                    let angle = at as f32 / RATE as f32 * TONE * std::f32::consts::TAU;
                    *sample = (angle.sin() * 6_000.0) as i16;
                    at = (at + 1) % RATE;
                }
                heard(&sound);
                next += FRAME_TIME;
            }
        });
    }
    let device = sound_device(id)?;
    run("microphone", move |stopping, opened| {
        let config = match device.default_input_config() {
            Ok(config) => config,
            Err(error) => return opened(Err(DeviceError::Sound(error))),
        };
        let channels = usize::from(config.channels()).max(1);
        let mut resampler = Resampler::new(config.sample_rate() as usize, RATE);
        let mut out = Vec::new();
        // The first channel: microphones that have two give the same on both.
        let mut take = move |samples: &mut dyn Iterator<Item = i16>| {
            out.clear();
            for sample in samples.step_by(channels) {
                resampler.push(sample, |sample| out.push(sample));
            }
            heard(&out);
        };
        let broken = Arc::new(AtomicBool::new(false));
        let wrong = broken_by(&broken);
        let form: StreamConfig = config.into();
        let stream = match config.sample_format() {
            SampleFormat::I16 => device.build_input_stream::<i16, _, _>(
                form,
                move |data, _| take(&mut data.iter().copied()),
                wrong,
                None,
            ),
            SampleFormat::F32 => device.build_input_stream::<f32, _, _>(
                form,
                move |data, _| take(&mut data.iter().map(|sample| whole(*sample))),
                wrong,
                None,
            ),
            _ => return opened(Err(DeviceError::Form)),
        };
        play(stream, stopping, opened, &broken);
    })
}

/// Starts a loudspeaker, which plays what the ear hears.
pub(crate) fn loudspeaker(id: &str, ear: Arc<Mutex<Ear>>) -> Result<Running, DeviceError> {
    let device = sound_device(id)?;
    run("loudspeaker", move |stopping, opened| {
        let config = match device.default_output_config() {
            Ok(config) => config,
            Err(error) => return opened(Err(DeviceError::Sound(error))),
        };
        let channels = usize::from(config.channels()).max(1);
        let mut resampler = Resampler::new(RATE, config.sample_rate() as usize);
        let mut ready = std::collections::VecDeque::new();
        let mut next = move || loop {
            if let Some(sample) = ready.pop_front() {
                return sample;
            }
            let sample = lock(&ear).pop();
            resampler.push(sample, |sample| ready.push_back(sample));
        };
        let broken = Arc::new(AtomicBool::new(false));
        let wrong = broken_by(&broken);
        let form: StreamConfig = config.into();
        let stream = match config.sample_format() {
            SampleFormat::I16 => device.build_output_stream::<i16, _, _>(
                form,
                move |data, _| {
                    for frame in data.chunks_mut(channels) {
                        frame.fill(next());
                    }
                },
                wrong,
                None,
            ),
            SampleFormat::F32 => device.build_output_stream::<f32, _, _>(
                form,
                move |data, _| {
                    for frame in data.chunks_mut(channels) {
                        frame.fill(f32::from(next()) / 32_768.0);
                    }
                },
                wrong,
                None,
            ),
            _ => return opened(Err(DeviceError::Form)),
        };
        play(stream, stopping, opened, &broken);
    })
}

fn whole(sample: f32) -> i16 {
    (sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16
}

fn sound_device(id: &str) -> Result<cpal::Device, DeviceError> {
    let id = id.parse().map_err(|_| DeviceError::Gone)?;
    cpal::default_host()
        .device_by_id(&id)
        .ok_or(DeviceError::Gone)
}

/// Remembers that a stream broke off for good: what passes by itself does not count.
fn broken_by(broken: &Arc<AtomicBool>) -> impl FnMut(cpal::Error) + Send + 'static {
    let broken = Arc::clone(broken);
    move |error| {
        use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
        if !matches!(error.kind(), DeviceChanged | Xrun | RealtimeDenied) {
            broken.store(true, Ordering::Relaxed);
        }
    }
}

/// Lets a stream run until told to stop, or until it breaks.
fn play(
    stream: Result<cpal::Stream, cpal::Error>,
    stopping: &std::sync::mpsc::Receiver<()>,
    opened: &dyn Fn(Result<(), DeviceError>),
    broken: &AtomicBool,
) {
    let stream = match stream.and_then(|stream| stream.play().map(|()| stream)) {
        Ok(stream) => stream,
        Err(error) => return opened(Err(DeviceError::Sound(error))),
    };
    opened(Ok(()));
    while go_on(stopping, Instant::now() + Duration::from_millis(200)) {
        if broken.load(Ordering::Relaxed) {
            break;
        }
    }
    drop(stream);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_the_test_picture_runs_until_it_is_dropped() {
        let (taken, pictures) = channel();
        let running = camera(
            STAND_IN,
            || 77,
            move |picture| {
                let _ = taken.send(picture);
            },
        )
        .unwrap();
        for _ in 0..3 {
            assert_eq!(pattern::read(&pictures.recv().unwrap()), Some(77));
        }
        drop(running);
        // The thread has ended and with it the sender.
        assert!(pictures.iter().count() < 30);
    }

    #[test]
    fn t1_a_device_that_is_not_there_is_said_to_be_gone() {
        assert!(matches!(
            microphone("nowhere", |_| {}),
            Err(DeviceError::Gone)
        ));
        assert!(matches!(
            camera("front", || 0, |_| {}),
            Err(DeviceError::Gone)
        ));
        assert!(camera("97", || 0, |_| {}).is_err());
    }

    #[test]
    fn t1_stand_ins_are_offered_only_where_nothing_is() {
        for devices in [cameras(), microphones()] {
            assert!(!devices.is_empty());
            let stand_ins = devices.iter().filter(|device| device.stand_in).count();
            assert!(stand_ins == 0 || (stand_ins == 1 && devices.len() == 1));
        }
    }
}
