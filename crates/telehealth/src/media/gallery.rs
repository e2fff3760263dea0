//! The one picture that each of those who take part is sent: the clinician on top, and in a strip
//! below everybody else. Pure: no device, no clock.

use super::Picture;
use super::studio::Shown;

/// What fills a place whose picture has not come, or whose camera is off.
const DARK: u8 = 24;
/// The size of the upper part where nothing is given: that of the camera's picture.
const USUAL: (usize, usize) = (super::device::WIDTH, super::device::HEIGHT);

/// What one of those who take part is to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scene {
    /// The clinician's camera, or what is shown in its place.
    pub(crate) own: Shown,
    /// Everybody else, each with their picture where there is one.
    pub(crate) others: Vec<Shown>,
}

impl Scene {
    /// The picture to send.
    pub(crate) fn draw(self) -> std::sync::Arc<Picture> {
        if self.others.is_empty()
            && let Some(own) = self.own
        {
            // As it is in nearly all visits: nothing is copied.
            return own;
        }
        std::sync::Arc::new(self.compose())
    }

    fn compose(&self) -> Picture {
        let (wide, height) = self
            .own
            .as_ref()
            .map_or(USUAL, |own| (own.width(), own.height()));
        // A small window that is shown does not make the others small.
        let width = wide.max(USUAL.0);
        let strip = strip(width, self.others.len());
        let mut whole = Picture::filled(width, height + strip, DARK);
        if let Some(own) = &self.own {
            whole.put(own, (width - wide) / 2, 0);
            whole.set_screen(own.is_screen());
        }
        let places = self.others.len().max(2);
        // With one there is as much free on the left as on the right.
        let left = (places - self.others.len()) * width / places / 2;
        for (place, other) in self.others.iter().enumerate() {
            let Some(other) = other else { continue };
            let (wide, high) = fit(other, (width / places, strip));
            let from = left + place * width / places + (width / places).saturating_sub(wide) / 2;
            whole.put(
                &other.scaled(wide, high),
                from,
                height + strip.saturating_sub(high) / 2,
            );
        }
        whole
    }
}

/// How high the strip is for so many: each place has the shape of 16 to 9, and two or more fill it.
fn strip(width: usize, others: usize) -> usize {
    if others == 0 {
        return 0;
    }
    (width / others.max(2) * 9 / 16) & !1
}

/// The largest size with the picture's shape that fits.
fn fit(picture: &Picture, (width, height): (usize, usize)) -> (usize, usize) {
    let (wide, high) = (picture.width().max(1), picture.height().max(1));
    let (wide, high) = if wide * height > high * width {
        (width, high * width / wide)
    } else {
        (wide * height / high, height)
    };
    (wide.max(2) & !1, high.max(2) & !1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use openh264::formats::YUVSource as _;
    use proptest::prelude::*;

    use super::*;
    use crate::media::pattern;

    fn plain(width: usize, height: usize, luma: u8) -> Shown {
        Some(Arc::new(Picture::filled(width, height, luma)))
    }

    fn at(picture: &Picture, column: usize, row: usize) -> u8 {
        picture.y()[row * picture.width() + column]
    }

    #[test]
    fn t1_alone_with_the_clinician_nothing_is_drawn_anew() {
        let own = plain(640, 360, 90);
        let scene = Scene {
            own: own.clone(),
            others: Vec::new(),
        };
        assert!(Arc::ptr_eq(&scene.draw(), &own.unwrap()));
    }

    #[test]
    fn t1_everybody_has_a_place_below_the_clinician() {
        // Guests: one with the usual camera, one who holds a telephone upright, one without.
        for (others, strip, seen) in [
            (vec![plain(640, 360, 200)], 180, vec![(320, 450, 200)]),
            (
                vec![plain(640, 180, 200)],
                180,
                vec![(320, 370, DARK), (320, 450, 200), (320, 530, DARK)],
            ),
            (
                vec![plain(640, 360, 200), plain(360, 640, 150)],
                180,
                vec![(160, 450, 200), (480, 450, 150), (340, 450, DARK)],
            ),
            (
                vec![plain(640, 360, 200), None, plain(320, 180, 100)],
                118,
                vec![(100, 420, 200), (320, 420, DARK), (540, 420, 100)],
            ),
        ] {
            let scene = Scene {
                own: plain(640, 360, 90),
                others,
            };
            let whole = scene.draw();
            assert_eq!((whole.width(), whole.height()), (640, 360 + strip));
            assert_eq!(at(&whole, 0, 0), 90);
            assert_eq!(at(&whole, 639, 359), 90);
            for (column, row, luma) in seen {
                assert_eq!(at(&whole, column, row), luma, "{column} {row}");
            }
        }
    }

    #[test]
    fn t1_who_hides_is_dark_and_the_others_are_still_seen() {
        let scene = Scene {
            own: None,
            others: vec![plain(640, 360, 200)],
        };
        let whole = scene.draw();
        assert_eq!((at(&whole, 320, 180), at(&whole, 320, 450)), (DARK, 200));
        let alone = Scene::default().draw();
        assert_eq!((alone.width(), alone.height()), USUAL);
        assert!(alone.y().iter().all(|luma| *luma == DARK));
    }

    #[test]
    fn t1_a_guest_s_picture_arrives_whole() {
        let own = pattern::draw(640, 360, 1_111);
        let scene = Scene {
            own: Some(Arc::new(own)),
            others: vec![Some(Arc::new(pattern::draw(640, 360, 2_222)))],
        };
        let whole = scene.draw();
        assert_eq!(pattern::read(&whole), Some(1_111));
        let place = whole.part(160, 360, 320, 180);
        assert_eq!(pattern::read(&place), Some(2_222));
    }

    proptest! {
        #[test]
        fn t1_pictures_of_any_size_find_a_place(
            own in proptest::option::of((2_usize..1400, 2_usize..1000)),
            others in proptest::collection::vec(
                proptest::option::of((2_usize..2000, 2_usize..2000)), 0..4),
        ) {
            let picture = |size: (usize, usize)| plain(size.0, size.1, 99).unwrap();
            let scene = Scene {
                own: own.map(picture),
                others: others.iter().map(|size| size.map(picture)).collect(),
            };
            let whole = scene.draw();
            prop_assert_eq!(whole.planes().len(), whole.width() * whole.height() * 3 / 2);
            prop_assert!(whole.width().is_multiple_of(2) && whole.height().is_multiple_of(2));
        }
    }
}
