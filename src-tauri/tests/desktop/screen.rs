//! The screen: the window from outside, its close button, and the clipboard.

use std::time::Duration;

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, ImageFormat, MapState,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use crate::session::{LONG, eventually};

/// A connection to the screen.
pub(crate) struct Screen {
    x: RustConnection,
    root: Window,
    title: &'static str,
}

impl Screen {
    pub(crate) fn of(display: &str) -> Self {
        let (x, number) = x11rb::connect(Some(display)).unwrap();
        let root = x.setup().roots[number].root;
        Self { x, root, title: "Codex Proxy" }
    }

    /// The same screen, for another window of the app.
    pub(crate) fn with_title(self, title: &'static str) -> Self {
        Self { title, ..self }
    }

    /// The app's window, if it is visible.
    pub(crate) fn window(&self) -> Option<Window> {
        let children = self.x.query_tree(self.root).unwrap().reply().unwrap().children;
        children.into_iter().find(|window| self.is_ours(*window).unwrap_or(false))
    }

    /// Fails if the window closes meanwhile.
    fn is_ours(&self, window: Window) -> Result<bool, x11rb::errors::ReplyError> {
        let title =
            self.x.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64)?.reply()?.value;
        let attributes = self.x.get_window_attributes(window)?.reply()?;
        Ok(title == self.title.as_bytes() && attributes.map_state == MapState::VIEWABLE)
    }

    /// Asks the window to close, like the close button.
    pub(crate) fn close_window(&self) {
        let (protocols, delete) = (self.atom("WM_PROTOCOLS"), self.atom("WM_DELETE_WINDOW"));
        let window = self.window().unwrap();
        let message = ClientMessageEvent::new(32, window, protocols, [delete, 0, 0, 0, 0]);
        // Waits for the reply, because requests may be lost when the connection closes.
        self.x.send_event(false, window, EventMask::NO_EVENT, message).unwrap().check().unwrap();
    }

    /// Waits until the window is visible and drawn.
    pub(crate) async fn shows_window(&self) {
        eventually("the window shows something", || async { self.colours() > 8 }).await;
    }

    /// Waits until the window is closed.
    pub(crate) async fn shows_no_window(&self) {
        eventually("the window is gone", || async { self.window().is_none() }).await;
    }

    /// The number of colours; an empty window has one or two.
    fn colours(&self) -> usize {
        let Some((_, pixels)) = self.pixels() else { return 0 };
        pixels.chunks(4).collect::<std::collections::HashSet<&[u8]>>().len()
    }

    /// The window as a PPM file.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let ((width, height), pixels) = self.pixels().unwrap();
        let mut file = format!("P6 {width} {height} 255\n").into_bytes();
        file.extend(pixels.chunks(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]));
        file
    }

    /// The window's size and pixels in BGRX; `None` if there is no window.
    fn pixels(&self) -> Option<((u16, u16), Vec<u8>)> {
        let window = self.window()?;
        let size = self.x.get_geometry(window).ok()?.reply().ok()?;
        let (width, height) = (size.width, size.height);
        let image = self.x.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, !0).ok()?;
        Some(((width, height), image.reply().ok()?.data))
    }

    /// The clipboard's text, which must exist.
    pub(crate) async fn clipboard(&self) -> String {
        self.pasted().await.unwrap()
    }

    /// The clipboard's text, if any.
    pub(crate) async fn pasted(&self) -> Option<String> {
        self.pasted_as("UTF8_STRING").await
    }

    /// What the clipboard holds in this format, if any.
    pub(crate) async fn pasted_as(&self, format: &str) -> Option<String> {
        let asker = self.x.generate_id().unwrap();
        let values = CreateWindowAux::new();
        self.x
            .create_window(0, asker, self.root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &values)
            .unwrap();
        let (clipboard, text, place) = (self.atom("CLIPBOARD"), self.atom(format), self.atom("PASTED"));
        self.x.convert_selection(asker, clipboard, text, place, x11rb::CURRENT_TIME).unwrap();
        self.x.flush().unwrap();
        let answered = async {
            loop {
                match self.x.poll_for_event().unwrap() {
                    Some(Event::SelectionNotify(answer)) => return answer.property,
                    _ => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let property = tokio::time::timeout(LONG, answered).await.unwrap();
        if property != place {
            return None;
        }
        let pasted = self.x.get_property(true, asker, place, AtomEnum::ANY, 0, u32::MAX / 4).unwrap();
        Some(String::from_utf8(pasted.reply().unwrap().value).unwrap())
    }

    fn atom(&self, name: &str) -> u32 {
        self.x.intern_atom(false, name.as_bytes()).unwrap().reply().unwrap().atom
    }
}
