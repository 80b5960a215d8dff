//! Mutations of an update that keep its frame: a header of 22 bytes, the block's length, five numbers
//! and eight byte strings. One of them is mutated; else hardly anything would get past the lengths.

use libfuzzer_sys::fuzzer_mutate;

const HEADER_BYTES: usize = 22;
const NUMBERS: usize = 5;
const FIELDS: usize = 8;

/// Mutates in place and says the new size.
pub fn mutate(bytes: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    // Now and then the frame itself.
    if !seed.is_multiple_of(16)
        && let Some(mutated) = mutate_block(&bytes[..size], most, seed)
        && mutated.len() <= most
    {
        bytes[..mutated.len()].copy_from_slice(&mutated);
        return mutated.len();
    }
    fuzzer_mutate(bytes, size, most)
}

fn mutate_block(update: &[u8], most: usize, seed: u32) -> Option<Vec<u8>> {
    let (header, mut rest) = update.split_at_checked(HEADER_BYTES)?;
    let length = number(&mut rest)? as usize;
    let (mut block, behind) = rest.split_at_checked(length)?;
    let mut numbers = [0; NUMBERS];
    for place in &mut numbers {
        *place = number(&mut block)?;
    }
    let mut fields = Vec::with_capacity(FIELDS);
    for _ in 0..FIELDS {
        let length = number(&mut block)? as usize;
        let (field, rest) = block.split_at_checked(length)?;
        fields.push(field.to_vec());
        block = rest;
    }
    let choice = (seed >> 4) as usize % (NUMBERS + 2 * FIELDS);
    if choice < NUMBERS {
        let mut near = numbers[choice].to_le_bytes();
        fuzzer_mutate(&mut near, 8, 8);
        let small = u64::from(near[0] % 16);
        numbers[choice] = match seed >> 16 & 3 {
            0 => u64::from_le_bytes(near),
            1 => numbers[choice].wrapping_add(small),
            _ => numbers[choice].wrapping_sub(small),
        };
    } else {
        let field = &mut fields[(choice - NUMBERS) % FIELDS];
        let size = field.len();
        let most = (size + 64).min(most);
        field.resize(most, 0);
        let size = fuzzer_mutate(field, size, most);
        field.truncate(size);
    }
    let mut block = Vec::with_capacity(update.len() + 64);
    for number in numbers {
        put_number(&mut block, number);
    }
    for field in fields {
        put_number(&mut block, field.len() as u64);
        block.extend(field);
    }
    let mut mutated = header.to_vec();
    put_number(&mut mutated, block.len() as u64);
    mutated.extend(block);
    mutated.extend(behind);
    Some(mutated)
}

/// A LEB128 number off the front.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
