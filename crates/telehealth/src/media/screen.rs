//! Windows and screens of this computer, as they are shown to the patient. Of a window nothing
//! is seen that lies over it. X11 alone: elsewhere nothing is offered.

use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, Drawable, ImageFormat, ImageOrder, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

use super::Picture;
use super::device::{DeviceError, Running, go_on, run};

/// The largest picture of a screen: what H.264 at the level agreed on carries.
pub const WIDEST: usize = 1280;
/// See [`WIDEST`].
pub const HIGHEST: usize = 720;
/// A screen is looked at this often.
const EVERY: Duration = Duration::from_millis(100);
/// A picture that did not change is sent this often: whoever came meanwhile sees it.
const STILL: Duration = Duration::from_millis(500);
/// Longest name that is asked for, in units of four bytes.
const NAME: u32 = 64;

/// What can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What the choice is named by, for as long as it is there.
    pub id: String,
    /// The title of the window, or the name of the screen. It may say whose record is open.
    pub name: String,
    /// A window, or a whole screen.
    pub window: bool,
    display: Option<String>,
}

/// Whether anything can be shown on this computer.
pub fn possible() -> bool {
    connect(None).is_ok()
}

/// What can be shown now: windows first.
pub fn sources() -> Vec<Source> {
    sources_of(None)
}

/// The same of another display than the usual one.
pub fn sources_of(display: Option<&str>) -> Vec<Source> {
    connect(display)
        .and_then(|view| view.sources(display))
        .unwrap_or_default()
}

/// Begins to look at a window or screen.
///
/// # Errors
/// [`DeviceError`].
pub(crate) fn look(
    source: &Source,
    taken: impl Fn(Picture) + Send + 'static,
) -> Result<Running, DeviceError> {
    let source = source.clone();
    run("screen", move |stopping, opened| {
        let begun = connect(source.display.as_deref())
            .and_then(|view| view.target(&source.id).map(|target| (view, target)));
        let (view, mut target) = match begun {
            Ok(begun) => begun,
            Err(error) => return opened(Err(error)),
        };
        opened(Ok(()));
        let mut next = Instant::now();
        let mut last: Option<(Vec<u8>, Instant)> = None;
        while go_on(stopping, next) {
            next = Instant::now() + EVERY;
            // A window that was closed gives no more pictures: the thread ends with it.
            let Ok(grabbed) = view.grab(&mut target) else {
                return;
            };
            let Some((bytes, size)) = grabbed else {
                continue;
            };
            let still = last
                .as_ref()
                .is_some_and(|(before, at)| at.elapsed() < STILL && *before == bytes);
            if still {
                continue;
            }
            if let Some(picture) = Picture::from_bgrx(&bytes, size, (WIDEST, HIGHEST)) {
                taken(picture);
            }
            last = Some((bytes, Instant::now()));
        }
    })
}

fn connect(display: Option<&str>) -> Result<View, DeviceError> {
    // Under Wayland a screen is black to us, and most windows are not to be seen.
    if display.is_none() && std::env::var_os("WAYLAND_DISPLAY").is_some() {
        return Err(DeviceError::Form);
    }
    let (connection, number) = x11rb::connect(display).map_err(|_| DeviceError::Gone)?;
    let view = View { connection, number };
    view.check_form()?;
    Ok(view)
}

/// A connection to the display.
struct View {
    connection: RustConnection,
    number: usize,
}

/// What is looked at.
enum Target {
    Screen { x: i16, y: i16, size: (u16, u16) },
    Window { id: Window, kept: Option<Kept> },
}

/// A window's own contents, valid for one size of it.
struct Kept {
    pixmap: u32,
    size: (u16, u16),
}

type Grabbed = Option<(Vec<u8>, (usize, usize))>;

impl View {
    fn root(&self) -> Window {
        self.connection.setup().roots[self.number].root
    }

    /// Pixels are four bytes, blue first: what every display of today has.
    fn check_form(&self) -> Result<(), DeviceError> {
        let setup = self.connection.setup();
        let screen = &setup.roots[self.number];
        let four = setup
            .pixmap_formats
            .iter()
            .any(|format| format.depth == screen.root_depth && format.bits_per_pixel == 32);
        let blue_first = screen
            .allowed_depths
            .iter()
            .flat_map(|depth| &depth.visuals)
            .any(|visual| visual.visual_id == screen.root_visual && visual.blue_mask == 0xff);
        if four && blue_first && setup.image_byte_order == ImageOrder::LSB_FIRST {
            return Ok(());
        }
        Err(DeviceError::Form)
    }

    fn sources(&self, display: Option<&str>) -> Result<Vec<Source>, DeviceError> {
        let source = |id, name, window| Source {
            id,
            name,
            window,
            display: display.map(str::to_owned),
        };
        let mut found = Vec::new();
        for window in self.windows()? {
            let name = self.name(window)?;
            if !name.is_empty() && self.is_shown(window).unwrap_or(false) {
                found.push(source(format!("window:{window}"), name, true));
            }
        }
        for (number, monitor) in self.monitors()?.iter().enumerate() {
            let name = self
                .connection
                .get_atom_name(monitor.name)
                .map_err(wrong)?
                .reply()
                .map_err(wrong)?
                .name;
            let name = String::from_utf8_lossy(&name).into_owned();
            found.push(source(format!("screen:{number}"), name, false));
        }
        Ok(found)
    }

    fn monitors(&self) -> Result<Vec<MonitorInfo>, DeviceError> {
        let asked = self.connection.randr_get_monitors(self.root(), true);
        Ok(asked.map_err(wrong)?.reply().map_err(wrong)?.monitors)
    }

    /// The windows that people know of: those that the window manager lists, or all at the top
    /// where there is none.
    fn windows(&self) -> Result<Vec<Window>, DeviceError> {
        let root = self.root();
        let listed = self.property(root, b"_NET_CLIENT_LIST", AtomEnum::WINDOW.into(), 4096)?;
        let listed: Vec<Window> = listed
            .as_chunks()
            .0
            .iter()
            .map(|bytes| Window::from_ne_bytes(*bytes))
            .collect();
        if !listed.is_empty() {
            return Ok(listed);
        }
        let tree = self.connection.query_tree(root).map_err(wrong)?;
        Ok(tree.reply().map_err(wrong)?.children)
    }

    fn name(&self, window: Window) -> Result<String, DeviceError> {
        let any = AtomEnum::ANY.into();
        let mut name = self.property(window, b"_NET_WM_NAME", any, NAME)?;
        if name.is_empty() {
            name = self.property(window, b"WM_NAME", any, NAME)?;
        }
        Ok(String::from_utf8_lossy(&name).trim().to_owned())
    }

    /// A property's bytes; none if there is no such property or no such window any more.
    fn property(
        &self,
        window: Window,
        name: &[u8],
        kind: u32,
        longest: u32,
    ) -> Result<Vec<u8>, DeviceError> {
        let atom = self
            .connection
            .intern_atom(true, name)
            .map_err(wrong)?
            .reply()
            .map_err(wrong)?
            .atom;
        let reply = self
            .connection
            .get_property(false, window, atom, kind, 0, longest)
            .map_err(wrong)?
            .reply();
        Ok(reply.map(|reply| reply.value).unwrap_or_default())
    }

    fn is_shown(&self, window: Window) -> Result<bool, DeviceError> {
        let attributes = self
            .connection
            .get_window_attributes(window)
            .map_err(wrong)?
            .reply()
            .map_err(|_| DeviceError::Gone)?;
        Ok(attributes.map_state == MapState::VIEWABLE && !attributes.override_redirect)
    }

    fn target(&self, id: &str) -> Result<Target, DeviceError> {
        if let Some(number) = id.strip_prefix("screen:") {
            let number: usize = number.parse().map_err(|_| DeviceError::Gone)?;
            let monitors = self.monitors()?;
            let monitor = monitors.get(number).ok_or(DeviceError::Gone)?;
            return Ok(Target::Screen {
                x: monitor.x,
                y: monitor.y,
                size: (monitor.width, monitor.height),
            });
        }
        let window = id
            .strip_prefix("window:")
            .and_then(|number| number.parse().ok())
            .ok_or(DeviceError::Gone)?;
        if !self.is_shown(window)? {
            return Err(DeviceError::Gone);
        }
        self.connection
            .composite_query_version(0, 4)
            .map_err(wrong)?
            .reply()
            .map_err(wrong)?;
        // From here on the window is drawn into memory of its own, and what covers it is not in
        // its picture. That ends with the connection.
        self.connection
            .composite_redirect_window(window, Redirect::AUTOMATIC)
            .map_err(wrong)?
            .check()
            .map_err(wrong)?;
        Ok(Target::Window {
            id: window,
            kept: None,
        })
    }

    /// The pixels as they are now; nothing while a window is not shown.
    fn grab(&self, target: &mut Target) -> Result<Grabbed, DeviceError> {
        match target {
            Target::Screen { x, y, size } => self.image(self.root(), (*x, *y), *size).map(Some),
            Target::Window { id, kept } => {
                if !self.is_shown(*id)? {
                    return Ok(None);
                }
                let shape = self
                    .connection
                    .get_geometry(*id)
                    .map_err(wrong)?
                    .reply()
                    .map_err(|_| DeviceError::Gone)?;
                let size = (shape.width, shape.height);
                if kept.as_ref().is_none_or(|kept| kept.size != size) {
                    if let Some(before) = kept.take() {
                        self.connection.free_pixmap(before.pixmap).map_err(wrong)?;
                    }
                    let pixmap = self.connection.generate_id().map_err(wrong)?;
                    self.connection
                        .composite_name_window_pixmap(*id, pixmap)
                        .map_err(wrong)?
                        .check()
                        .map_err(wrong)?;
                    *kept = Some(Kept { pixmap, size });
                }
                let Some(kept) = kept else { return Ok(None) };
                let border = i16::try_from(shape.border_width).unwrap_or_default();
                self.image(kept.pixmap, (border, border), size).map(Some)
            }
        }
    }

    fn image(
        &self,
        drawable: Drawable,
        (x, y): (i16, i16),
        (width, height): (u16, u16),
    ) -> Result<(Vec<u8>, (usize, usize)), DeviceError> {
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, drawable, x, y, width, height, !0)
            .map_err(wrong)?
            .reply()
            .map_err(wrong)?;
        Ok((image.data, (usize::from(width), usize::from(height))))
    }
}

fn wrong(error: impl Into<x11rb::errors::ReplyOrIdError>) -> DeviceError {
    DeviceError::Screen(error.into())
}
