//! The floor that whole runs are measured against: one pass of the `csv` crate over the files, with an xxh3 hash per record.

use std::{env, fs::File, hint::black_box, process::ExitCode};

use xxhash_rust::xxh3::xxh3_128;

fn main() -> ExitCode {
    // `cargo bench` passes `--bench`.
    let files: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if files.is_empty() {
        eprintln!("usage: floor FILE.csv…  (benches/cycle.sh runs it)");
        return ExitCode::SUCCESS;
    }
    let mut records = 0_u64;
    let mut sum = 0_u128;
    for file in &files {
        match pass(file) {
            Ok((count, hash)) => {
                records += count;
                sum ^= hash;
            }
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{{\"records\": {records}, \"hash\": \"{:032x}\"}}", black_box(sum));
    ExitCode::SUCCESS
}

fn pass(file: &str) -> Result<(u64, u128), Box<dyn std::error::Error>> {
    let mut reader = csv::Reader::from_reader(File::open(file)?);
    let mut record = csv::ByteRecord::new();
    let (mut count, mut sum) = (0, 0);
    while reader.read_byte_record(&mut record)? {
        sum ^= xxh3_128(record.as_slice());
        count += 1;
    }
    Ok((count, sum))
}
