//! The picture that stands in where there is no camera: it moves, and it says when it was drawn.
//!
//! A band of cells at the top holds a number, black for 0 and white for 1: 48 bits of it, then 16
//! bits of a checksum. It survives compression and scaling, so that whoever sees the picture can
//! say how old it is.

use super::Picture;

const CELLS: usize = 64;
/// The band is this part of the height.
const BAND: usize = 10;
const BLACK: u8 = 24;
const WHITE: u8 = 228;

/// Draws the picture that belongs to `stamp`, milliseconds of some clock.
pub fn draw(width: usize, height: usize, stamp: u64) -> Picture {
    let mut picture = Picture::new(width, height);
    let (width, height) = (picture.width(), picture.height());
    let band = height / BAND;
    let word = word(stamp);
    let shift = usize::try_from(stamp / 16 % 256).unwrap_or_default();
    let side = height / 4;
    // A square that crosses the picture in three seconds.
    let square = usize::try_from(stamp % 3000).unwrap_or_default() * (width + side) / 3000;
    let top = band + (height - band - side) / 2;
    let luma = picture.luma_mut();
    for (row, pixels) in luma.chunks_exact_mut(width).enumerate() {
        for (column, pixel) in pixels.iter_mut().enumerate() {
            *pixel = if row < band {
                let cell = column * CELLS / width;
                if word >> (CELLS - 1 - cell) & 1 == 1 {
                    WHITE
                } else {
                    BLACK
                }
            } else if (top..top + side).contains(&row) && column + side >= square && column < square
            {
                WHITE
            } else {
                u8::try_from((column / 4 + row / 4 + shift) % 128 + 48).unwrap_or(128)
            };
        }
    }
    picture
}

/// Reads the stamp of a picture that was drawn here, whatever it went through since.
pub fn read(picture: &Picture) -> Option<u64> {
    let (width, height) = (picture.width(), picture.height());
    let row = height / BAND / 2;
    let mut word = 0_u64;
    for cell in 0..CELLS {
        let column = (2 * cell + 1) * width / (2 * CELLS);
        let luma = *picture.planes().get(row * width + column)?;
        word = word << 1 | u64::from(luma > 126);
    }
    let stamp = word >> 16;
    (self::word(stamp) == word).then_some(stamp)
}

fn word(stamp: u64) -> u64 {
    let stamp = stamp & 0xffff_ffff_ffff;
    let mut sum = 0x1d0f_u16;
    for byte in &stamp.to_be_bytes()[2..] {
        sum = sum.rotate_left(5) ^ u16::from(*byte).wrapping_mul(0x0101);
    }
    stamp << 16 | u64::from(sum)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn t1_a_stamp_is_read_back_in_any_size(stamp in 0..1_u64 << 48) {
            let picture = draw(640, 360, stamp);
            prop_assert_eq!(read(&picture), Some(stamp));
            prop_assert_eq!(read(&picture.scaled(320, 180)), Some(stamp));
        }
    }

    #[test]
    fn t1_a_picture_without_a_stamp_has_none() {
        assert_eq!(read(&Picture::new(640, 360)), None);
    }
}
