//! The browser that patients are tried with.

/// What Debian's Chromium is started with: no display, nothing of its own over the network, and a
/// camera and a microphone that it pretends to have and does not ask about.
pub const CHROMIUM: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
];
