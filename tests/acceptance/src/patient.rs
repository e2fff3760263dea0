//! The patient's end of a video visit: an ordinary Chromium without a display, with the camera
//! and the microphone that Chromium pretends to have.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use testbed::CHROMIUM;

use crate::TourError;
use crate::desktop::end;

const PATIENCE: Duration = Duration::from_secs(30);

/// What the clinician's stand-ins are read back by: the stamp in the picture, and the loudest
/// tone. Kept short of everything but that.
const MEASURE: &str = r"
const done = arguments[arguments.length - 1];
const video = document.getElementById('theirs');
const canvas = new OffscreenCanvas(640, 360);
const drawing = canvas.getContext('2d', { willReadFrequently: true });
let stamps = 0, late = [];
const audio = new AudioContext();
const analyser = audio.createAnalyser();
analyser.fftSize = 16384;
audio.createMediaStreamSource(video.srcObject).connect(analyser);
function look() {
  drawing.drawImage(video, 0, 0, 640, 360);
  const row = drawing.getImageData(0, 18, 640, 1).data;
  let word = 0n;
  for (let cell = 0; cell < 64; cell++) {
    word = (word << 1n) | (row[(2 * cell + 1) * 20 + 1] > 126 ? 1n : 0n);
  }
  const value = word >> 16n;
  let sum = 0x1d0f;
  for (let shift = 40n; shift >= 0n; shift -= 8n) {
    sum = ((sum << 5) | (sum >> 11)) & 0xffff;
    sum ^= (Number((value >> shift) & 0xffn) * 0x0101) & 0xffff;
  }
  if (BigInt(sum) === (word & 0xffffn)) {
    stamps++;
    late.push(Date.now() - Number(value));
  }
}
const timer = setInterval(look, 40);
setTimeout(() => {
  clearInterval(timer);
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const loudest = bins.reduce((best, value, index) => (value > bins[best] ? index : best), 0);
  late.sort((a, b) => a - b);
  done({
    stamps,
    late: late[Math.floor(late.length / 2)] ?? -1,
    tone: (loudest * audio.sampleRate) / analyser.fftSize,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
  });
}, 2500);
";

/// What the patient sees and hears of the clinician.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Stamps that were read back from the picture in two and a half seconds.
    pub stamps: u64,
    /// Milliseconds between drawing a picture and seeing it, the middle of all.
    pub late: i64,
    /// The loudest tone, Hz.
    pub tone: f64,
    /// Pictures since the call began.
    pub frames: u64,
}

/// A running browser.
pub struct Patient {
    client: Client,
    driver: Child,
    profile: tempfile::TempDir,
}

impl Patient {
    /// Opens a link.
    pub async fn open(link: &str) -> Result<Self, TourError> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
            .local_addr()?
            .port();
        let profile = tempfile::Builder::new()
            .prefix("rounds-patient-")
            .tempdir()?;
        let driver = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "chromedriver"])
            .arg(format!("--port={port}"))
            .env("HOME", profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let folder = format!(
            "--user-data-dir={}",
            profile.path().join("chromium").display()
        );
        let mut arguments = CHROMIUM.to_vec();
        arguments.extend([
            "--window-size=900,900",
            // The clinic of the tour has a certificate authority of its own.
            "--ignore-certificate-errors",
            folder.as_str(),
        ]);
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("acceptInsecureCerts".into(), json!(true));
        capabilities.insert(
            "goog:chromeOptions".into(),
            json!({"binary": "/usr/bin/chromium", "args": arguments}),
        );
        let deadline = Instant::now() + PATIENCE;
        let client = loop {
            let attempt = ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities.clone())
                .connect(&format!("http://127.0.0.1:{port}"))
                .await;
            match attempt {
                Ok(client) => break client,
                Err(error) if Instant::now() > deadline => {
                    let mut driver = driver;
                    end(&mut driver);
                    return Err(error.into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        client.goto(link).await?;
        Ok(Self {
            client,
            driver,
            profile,
        })
    }

    /// Goes to the waiting room.
    pub async fn join(&self, name: &str) -> Result<(), TourError> {
        self.ask(name).await?;
        self.wait("waiting").await
    }

    /// The same by a link whose seat may still be kept for a browser that is gone.
    pub async fn join_when_free(&self, name: &str) -> Result<(), TourError> {
        self.ask(name).await?;
        let deadline = Instant::now() + PATIENCE * 2;
        let waits = "return !document.querySelector('[data-screen=waiting]').hidden";
        while self.client.execute(waits, vec![]).await? != Value::Bool(true) {
            if Instant::now() > deadline {
                return self.wait("waiting").await;
            }
            let again = self.client.find(Locator::Css("#join-again")).await?;
            if again.is_displayed().await? {
                again.click().await?;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// Is told that somebody else is there.
    pub async fn join_refused(&self, name: &str) -> Result<(), TourError> {
        self.ask(name).await?;
        self.wait("refused").await?;
        self.reads("Somebody is in this visit").await
    }

    /// Is told that the visit is over.
    pub async fn join_over(&self, name: &str) -> Result<(), TourError> {
        self.ask(name).await?;
        self.wait("over").await
    }

    /// Types a name, looks at the devices and asks to be let in.
    async fn ask(&self, name: &str) -> Result<(), TourError> {
        self.wait("name").await?;
        let field = self.client.find(Locator::Css("#name")).await?;
        field.send_keys(name).await?;
        self.client
            .find(Locator::Css("#name-form button"))
            .await?
            .click()
            .await?;
        self.wait("check").await?;
        self.until("return document.querySelector('#check-words').innerText.includes('work')")
            .await?;
        self.client
            .find(Locator::Css("#join"))
            .await?
            .click()
            .await?;
        Ok(())
    }

    /// Waits for one of the page's screens.
    pub async fn wait(&self, screen: &str) -> Result<(), TourError> {
        self.until(&format!(
            "const s = document.querySelector('[data-screen={screen}]'); return !!s && !s.hidden"
        ))
        .await
    }

    async fn until(&self, script: &str) -> Result<(), TourError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.client.execute(script, vec![]).await? == Value::Bool(true) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let screen = self
                    .client
                    .execute("return document.body.innerText", vec![])
                    .await?;
                return Err(TourError::NotSeen {
                    step: "the patient's page".into(),
                    what: script.to_owned(),
                    seconds: PATIENCE.as_secs(),
                    screen: screen.as_str().unwrap_or_default().to_owned(),
                });
            }
            tokio::time::sleep(Duration::from_millis(80)).await;
        }
    }

    /// What comes from the clinician.
    pub async fn measure(&self) -> Result<Measured, TourError> {
        self.until("return document.getElementById('theirs').readyState >= 2")
            .await?;
        let value = self.client.execute_async(MEASURE, vec![]).await?;
        Ok(Measured {
            stamps: value["stamps"].as_u64().unwrap_or_default(),
            late: value["late"].as_i64().unwrap_or(-1),
            tone: value["tone"].as_f64().unwrap_or_default(),
            frames: value["frames"].as_u64().unwrap_or_default(),
        })
    }

    /// Waits for a picture with others below the clinician.
    pub async fn sees_company(&self) -> Result<(), TourError> {
        self.until(&shape("> 0.7")).await
    }

    /// Waits for a picture of the clinician alone.
    pub async fn is_alone(&self) -> Result<(), TourError> {
        self.until(&shape("< 0.7")).await
    }

    /// Waits until the page says so.
    pub async fn reads(&self, text: &str) -> Result<(), TourError> {
        let text = json!(text);
        self.until(&format!("return document.body.innerText.includes({text})"))
            .await
    }

    /// Keeps a picture of the page.
    pub async fn screenshot(&self, path: &Path) -> Result<(), TourError> {
        std::fs::write(path, self.client.screenshot().await?)?;
        Ok(())
    }

    /// Kills the browser, as a battery that is empty would.
    pub fn kill(self) {
        drop(self);
    }

    /// Closes the browser as its user would: the page says good-bye.
    pub async fn close(self) -> Result<(), TourError> {
        let _ = self.client.clone().close().await;
        Ok(())
    }
}

/// The shape of the picture that comes.
fn shape(holds: &str) -> String {
    format!(
        "const it = document.getElementById('theirs'); \
         return it.videoWidth > 0 && it.videoHeight / it.videoWidth {holds}"
    )
}

impl Drop for Patient {
    fn drop(&mut self) {
        // The browser outlives its driver; it is known by its profile's folder.
        let profile = self.profile.path().display().to_string();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(&profile) {
                // It may be gone by itself in this moment.
                let _ = nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(pid),
                    nix::sys::signal::Signal::SIGKILL,
                );
            }
        }
        end(&mut self.driver);
    }
}
