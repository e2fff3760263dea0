//! A display of its own, with windows on it whose contents can be told apart.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use telehealth::media::pattern;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, ImageFormat,
    PropMode, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// A display without a screen. It ends when this is dropped.
pub struct Display {
    server: Child,
    /// What programs find it by.
    pub name: String,
    connection: RustConnection,
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Rows that one request carries.
const ROWS: u16 = 32;

impl Display {
    /// Starts Debian's `Xvfb`, which chooses a number that is free.
    pub fn start(width: u16, height: u16) -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's package xvfb is installed");
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut number)
            .unwrap();
        let name = format!(":{}", number.trim());
        let (connection, _) = x11rb::connect(Some(&name)).unwrap();
        Self {
            server,
            name,
            connection,
        }
    }

    /// Opens a window whose contents are stamped with a number.
    pub fn open(&self, title: &str, (x, y): (i16, i16), size: (u16, u16), stamp: u64) -> Window {
        let (width, height) = size;
        let connection = &self.connection;
        let screen = &connection.setup().roots[0];
        let contents = connection.generate_id().unwrap();
        connection
            .create_pixmap(screen.root_depth, contents, screen.root, width, height)
            .unwrap();
        let context = connection.generate_id().unwrap();
        connection
            .create_gc(context, contents, &CreateGCAux::new())
            .unwrap();
        let picture = pattern::draw(usize::from(width), usize::from(height), stamp);
        let pixels: Vec<u8> = picture.planes()[..usize::from(width) * usize::from(height)]
            .iter()
            .flat_map(|luma| [*luma, *luma, *luma, 0])
            .collect();
        for (at, rows) in pixels
            .chunks(usize::from(width) * 4 * usize::from(ROWS))
            .enumerate()
        {
            let high = u16::try_from(rows.len() / 4 / usize::from(width)).unwrap();
            connection
                .put_image(
                    ImageFormat::Z_PIXMAP,
                    contents,
                    context,
                    width,
                    high,
                    0,
                    i16::try_from(at).unwrap() * i16::try_from(ROWS).unwrap(),
                    0,
                    screen.root_depth,
                    rows,
                )
                .unwrap();
        }
        let window = connection.generate_id().unwrap();
        connection
            .create_window(
                screen.root_depth,
                window,
                screen.root,
                x,
                y,
                width,
                height,
                0,
                WindowClass::INPUT_OUTPUT,
                screen.root_visual,
                // The server itself draws it again whenever that is needed.
                &CreateWindowAux::new().background_pixmap(contents),
            )
            .unwrap();
        connection
            .change_property8(
                PropMode::REPLACE,
                window,
                AtomEnum::WM_NAME,
                AtomEnum::STRING,
                title.as_bytes(),
            )
            .unwrap();
        connection.map_window(window).unwrap();
        connection.sync().unwrap();
        window
    }

    /// Makes a window as large as this.
    pub fn resize(&self, window: Window, width: u32, height: u32) {
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.connection.configure_window(window, &size).unwrap();
        self.connection.sync().unwrap();
    }

    /// Closes a window.
    pub fn close(&self, window: Window) {
        self.connection.destroy_window(window).unwrap();
        self.connection.sync().unwrap();
    }
}
