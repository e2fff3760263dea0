//! One picture as cameras, codecs and the screen pass it on: planar YUV 4:2:0.

use openh264::formats::YUVSource;

/// A picture with even sides. Luma first, then the two chroma planes, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    planes: Vec<u8>,
    screen: bool,
}

impl Picture {
    /// A picture of one grey. Sides are rounded down to even numbers.
    pub(crate) fn filled(width: usize, height: usize, luma: u8) -> Self {
        let mut picture = Self::new(width, height);
        picture.luma_mut().fill(luma);
        picture
    }

    /// A grey picture. Sides are rounded down to even numbers.
    pub fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width & !1, height & !1);
        Self {
            width,
            height,
            planes: vec![128; width * height * 3 / 2],
            screen: false,
        }
    }

    /// A picture from rows that may be padded.
    pub(crate) fn from_rows(source: &impl YUVSource) -> Self {
        let (width, height) = source.dimensions();
        let mut picture = Self::new(width, height);
        let (width, height) = (picture.width, picture.height);
        let (luma, u, v) = source.strides();
        let (y_plane, chroma) = picture.planes.split_at_mut(width * height);
        let (u_plane, v_plane) = chroma.split_at_mut(width * height / 4);
        for (plane, rows, stride, wide) in [
            (y_plane, source.y(), luma, width),
            (u_plane, source.u(), u, width / 2),
            (v_plane, source.v(), v, width / 2),
        ] {
            for (to, from) in plane.chunks_exact_mut(wide).zip(rows.chunks(stride)) {
                to.copy_from_slice(&from[..wide]);
            }
        }
        picture
    }

    /// The middle of a picture whose pixels come in pairs (Y U Y V), cut to the shape of `width`
    /// by `height` and scaled to it. Nothing if `bytes` are too few.
    pub(crate) fn from_yuyv(
        bytes: &[u8],
        from: (usize, usize),
        (width, height): (usize, usize),
    ) -> Option<Self> {
        let (wide, high) = from;
        if wide < 2 || high < 2 || bytes.len() < wide * high * 2 {
            return None;
        }
        let mut picture = Self::new(width, height);
        // The largest part in the middle that has the shape asked for.
        let (part_wide, part_high) = if wide * height > high * width {
            (high * width / height, high)
        } else {
            (wide, wide * height / width)
        };
        let (left, top) = ((wide - part_wide) / 2, (high - part_high) / 2);
        let (width, height) = (picture.width, picture.height);
        let luma = width * height;
        for row in 0..height {
            let source = (top + row * part_high / height) * wide * 2;
            for column in 0..width {
                let x = left + column * part_wide / width;
                picture.planes[row * width + column] = bytes[source + x * 2];
                if row % 2 == 0 && column % 2 == 0 {
                    let pair = source + (x & !1) * 2;
                    let at = luma + (row / 2) * (width / 2) + column / 2;
                    picture.planes[at] = bytes[pair + 1];
                    picture.planes[at + luma / 4] = bytes[pair + 3];
                }
            }
        }
        Some(picture)
    }

    /// A picture of a screen, from pixels of four bytes, blue first. It is made to fit into
    /// `within`, and not enlarged. Nothing if `bytes` are too few.
    pub(crate) fn from_bgrx(
        bytes: &[u8],
        (wide, high): (usize, usize),
        within: (usize, usize),
    ) -> Option<Self> {
        if wide < 2 || high < 2 || bytes.len() < wide * high * 4 {
            return None;
        }
        let (mut width, mut height) = (wide, high);
        if width > within.0 {
            (width, height) = (within.0, high * within.0 / wide);
        }
        if height > within.1 {
            (width, height) = (wide * within.1 / high, within.1);
        }
        let mut picture = Self::new(width.max(2), height.max(2));
        picture.screen = true;
        let (width, height) = (picture.width, picture.height);
        let luma = width * height;
        // Small print stays legible where each pixel is the middle of those it stands for.
        let part = |at: usize, from: usize, to: usize| {
            let begin = at * from / to;
            begin..((at + 1) * from / to).max(begin + 1)
        };
        let mean = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
            let count = i32::try_from(rows.len() * columns.len()).unwrap_or(1);
            let mut sums = [0_i32; 3];
            for row in rows {
                let begin = (row * wide + columns.start) * 4;
                for pixel in bytes[begin..begin + columns.len() * 4].chunks_exact(4) {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += i32::from(*value);
                    }
                }
            }
            sums.map(|sum| sum / count)
        };
        // BT.601, as cameras and browsers have it.
        for row in 0..height {
            let rows = part(row, high, height);
            for column in 0..width {
                let [b, g, r] = mean(rows.clone(), part(column, wide, width));
                picture.planes[row * width + column] =
                    (16 + ((66 * r + 129 * g + 25 * b + 128) >> 8)) as u8;
            }
        }
        for row in 0..height / 2 {
            let rows = part(row, high, height / 2);
            for column in 0..width / 2 {
                let [b, g, r] = mean(rows.clone(), part(column, wide, width / 2));
                let at = luma + row * (width / 2) + column;
                picture.planes[at] = (128 + ((-38 * r - 74 * g + 112 * b + 128) >> 8)) as u8;
                picture.planes[at + luma / 4] =
                    (128 + ((112 * r - 94 * g - 18 * b + 128) >> 8)) as u8;
            }
        }
        Some(picture)
    }

    /// Whether it shows a screen: small print must be read, and little moves.
    pub(crate) fn is_screen(&self) -> bool {
        self.screen
    }

    /// The same picture in another size, by the nearest pixel.
    pub(crate) fn scaled(&self, width: usize, height: usize) -> Self {
        let mut to = Self::new(width, height);
        let sizes = [(1, 0), (2, self.luma()), (2, self.luma() * 5 / 4)];
        let mut begin = 0;
        for (part, from) in sizes {
            let (wide, high) = (to.width / part, to.height / part);
            let (from_wide, from_high) = (self.width / part, self.height / part);
            for row in 0..high {
                let source = from + (row * from_high / high) * from_wide;
                for column in 0..wide {
                    to.planes[begin + row * wide + column] =
                        self.planes[source + column * from_wide / wide];
                }
            }
            begin += wide * high;
        }
        to
    }

    /// Lays another picture over this one, its corner at even numbers at `left` and `top`. What
    /// does not fit is left out.
    pub(crate) fn put(&mut self, other: &Self, left: usize, top: usize) {
        let (left, top) = (left & !1, top & !1);
        for (part, mine, theirs) in [
            (1, 0, 0),
            (2, self.luma(), other.luma()),
            (2, self.luma() * 5 / 4, other.luma() * 5 / 4),
        ] {
            let (wide, high) = (self.width / part, self.height / part);
            let (left, top) = (left / part, top / part);
            let columns = (other.width / part).min(wide.saturating_sub(left));
            let rows = (other.height / part).min(high.saturating_sub(top));
            for row in 0..rows {
                let to = mine + (top + row) * wide + left;
                let from = theirs + row * (other.width / part);
                self.planes[to..to + columns].copy_from_slice(&other.planes[from..from + columns]);
            }
        }
    }

    /// Says that this is, or holds, a picture of a screen.
    pub(crate) fn set_screen(&mut self, screen: bool) {
        self.screen = screen;
    }

    fn luma(&self) -> usize {
        self.width * self.height
    }

    /// Pixels from left to right.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> usize {
        self.height
    }

    /// All three planes, one after another.
    pub fn planes(&self) -> &[u8] {
        &self.planes
    }

    /// A part of the picture, as large as it was in it.
    pub fn part(&self, left: usize, top: usize, width: usize, height: usize) -> Self {
        let mut part = Self::new(width, height);
        for row in 0..height.min(self.height.saturating_sub(top)) {
            for column in 0..width.min(self.width.saturating_sub(left)) {
                part.planes[row * part.width + column] =
                    self.planes[(top + row) * self.width + left + column];
            }
        }
        part
    }

    /// The luma plane, to draw on.
    pub(crate) fn luma_mut(&mut self) -> &mut [u8] {
        let luma = self.luma();
        &mut self.planes[..luma]
    }
}

impl YUVSource for Picture {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.planes[..self.luma()]
    }

    fn u(&self) -> &[u8] {
        &self.planes[self.luma()..self.luma() * 5 / 4]
    }

    fn v(&self) -> &[u8] {
        &self.planes[self.luma() * 5 / 4..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_a_camera_s_picture_is_cut_to_shape_from_the_middle() {
        // 8 x 8: the upper and lower rows are dark, the middle is light.
        let mut bytes = Vec::new();
        for row in 0..8 {
            for _ in 0..4 {
                let luma = if (2..6).contains(&row) { 200 } else { 20 };
                bytes.extend([luma, 90, luma, 160]);
            }
        }
        let picture = Picture::from_yuyv(&bytes, (8, 8), (8, 4)).unwrap();
        assert!(picture.y().iter().all(|luma| *luma == 200));
        assert!(picture.u().iter().all(|value| *value == 90));
        assert!(picture.v().iter().all(|value| *value == 160));
        assert!(Picture::from_yuyv(&bytes[1..], (8, 8), (8, 4)).is_none());
    }

    #[test]
    fn t1_a_screen_is_made_to_fit_and_keeps_its_colours() {
        // Left half red, right half white.
        let (wide, high) = (40, 20);
        let bytes: Vec<u8> = (0..wide * high)
            .flat_map(|at| {
                if at % wide < wide / 2 {
                    [0, 0, 255, 0]
                } else {
                    [255, 255, 255, 0]
                }
            })
            .collect();
        for (within, size) in [
            ((100, 100), (40, 20)),
            ((20, 100), (20, 10)),
            ((100, 8), (16, 8)),
        ] {
            let picture = Picture::from_bgrx(&bytes, (wide, high), within).unwrap();
            assert_eq!((picture.width(), picture.height()), size);
            assert!(picture.is_screen());
            let (left, right) = (picture.y()[0], picture.y()[size.0 - 1]);
            assert!(
                left.abs_diff(82) <= 1 && right.abs_diff(235) <= 1,
                "{left} {right}"
            );
            assert!(picture.v()[0].abs_diff(240) <= 1 && picture.u()[0].abs_diff(90) <= 1);
            assert!(picture.v()[size.0 / 2 - 1].abs_diff(128) <= 1);
        }
        assert!(Picture::from_bgrx(&bytes[4..], (wide, high), (100, 100)).is_none());
    }

    #[test]
    fn t1_scaling_keeps_planes_apart() {
        let mut picture = Picture::new(8, 8);
        picture.luma_mut().fill(10);
        let small = picture.scaled(4, 2);
        assert!(small.y().iter().all(|luma| *luma == 10));
        assert!(small.u().iter().chain(small.v()).all(|value| *value == 128));
        assert_eq!(small.planes().len(), 12);
    }
}
