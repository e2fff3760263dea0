//! The patient's end, or a guest's: Debian's Chromium with a camera and a microphone from files.

use std::f32::consts::TAU;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use telehealth::media::pattern;
use testbed::CHROMIUM;
use tokio::process::{Child, Command};

/// What the patient's microphone hears.
pub const PATIENT_TONE: f64 = 880.0;
/// What a guest's microphone hears.
pub const GUEST_TONE: f64 = 1_320.0;

/// A running Chromium. Dropping it kills it.
pub struct Browser {
    _process: Child,
    _profile: tempfile::TempDir,
}

/// Camera and microphone, made once for all tests of this process.
fn files() -> &'static tempfile::TempDir {
    static FILES: OnceLock<tempfile::TempDir> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        camera(&folder.path().join("camera.y4m"));
        for tone in [PATIENT_TONE, GUEST_TONE] {
            microphone(&folder.path().join(wave(tone)), tone);
        }
        folder
    })
}

/// The corner of the camera's picture has one colour: luma and chroma of it …
const CORNER: [u8; 3] = [120, 80, 70];
/// … which cameras mean to be this red, green and blue (BT.601).
pub const CORNER_COLOUR: [f64; 3] = [28.0, 187.0, 24.0];

/// Pictures that are stamped with their number, at 30 a second.
fn camera(path: &Path) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    file.write_all(b"YUV4MPEG2 W640 H360 F30:1 Ip A1:1 C420jpeg\n")
        .unwrap();
    for number in 0..90_u64 {
        file.write_all(b"FRAME\n").unwrap();
        // A thirtieth of a second a number, or the moving square would stand still.
        let mut planes = pattern::draw(640, 360, number * 33).planes().to_vec();
        colour_corner(&mut planes);
        file.write_all(&planes).unwrap();
    }
    file.flush().unwrap();
}

/// The lower right quarter of a picture of 640 by 360.
fn colour_corner(planes: &mut [u8]) {
    let (luma, chroma) = planes.split_at_mut(640 * 360);
    let (blue, red) = chroma.split_at_mut(320 * 180);
    for (plane, wide, value) in [(luma, 640, 0), (blue, 320, 1), (red, 320, 2)] {
        let high = plane.len() / wide;
        for row in plane.chunks_exact_mut(wide).skip(high / 2) {
            row[wide / 2..].fill(CORNER[value]);
        }
    }
}

fn wave(tone: f64) -> String {
    format!("{tone}.wav")
}

fn microphone(path: &Path, tone: f64) {
    let rate = 48_000_u32;
    let samples: Vec<u8> = (0..rate * 2)
        .flat_map(|at| {
            let angle = at as f32 / rate as f32 * tone as f32 * TAU;
            ((angle.sin() * 8_000.0) as i16).to_le_bytes()
        })
        .collect();
    let length = u32::try_from(samples.len()).unwrap();
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 2).to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(samples);
    std::fs::write(path, bytes).unwrap();
}

impl Browser {
    /// Opens the test page as the patient.
    pub async fn open(address: SocketAddr, query: &str) -> Self {
        Self::open_with(address, query, PATIENT_TONE).await
    }

    /// Opens the test page as a guest.
    pub async fn open_guest(address: SocketAddr, query: &str) -> Self {
        Self::open_with(address, query, GUEST_TONE).await
    }

    async fn open_with(address: SocketAddr, query: &str, tone: f64) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let files = files().path();
        // It ends with this program, however that ends.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "chromium"])
            .args(CHROMIUM)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!(
                "--use-file-for-fake-video-capture={}",
                files.join("camera.y4m").display()
            ))
            .arg(format!(
                "--use-file-for-fake-audio-capture={}",
                files.join(wave(tone)).display()
            ))
            .arg(format!("http://{address}/?{query}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Debian's package chromium is installed");
        Self {
            _process: process,
            _profile: profile,
        }
    }
}
