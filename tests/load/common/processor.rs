//! Cores, the time spent on them, and memory, as the kernel counts them for a process or a thread: whatever else runs on
//! the machine is not in it.

use std::fs;
use std::process::Command;

use super::Outcome;

/// Keeps every thread of a process on these cores.
pub fn pin_process(process: u32, cores: &str) -> Outcome<()> {
    taskset("-apc", cores, process)
}

/// Keeps one thread on these cores.
pub fn pin_thread(thread: u32, cores: &str) -> Outcome<()> {
    taskset("-pc", cores, thread)
}

fn taskset(how: &str, cores: &str, id: u32) -> Outcome<()> {
    let pinned = Command::new("taskset").args([how, cores, &id.to_string()]).output()?;
    if pinned.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&pinned.stderr).into()) }
}

/// The calling thread's number and its folder in /proc.
pub fn this_thread() -> Outcome<(u32, String)> {
    let link = fs::read_link("/proc/thread-self")?.display().to_string();
    Ok((link.rsplit('/').next().unwrap_or_default().parse()?, format!("/proc/{link}")))
}

/// The folder of all threads of a process.
pub fn threads_of(process: u32) -> String {
    format!("/proc/{process}/task")
}

/// Microseconds on a processor, of one thread (its folder) or of all in a folder of threads.
pub fn micros(tasks: &str) -> Outcome<f64> {
    let of = |folder: &str| -> Outcome<u64> {
        let text = fs::read_to_string(format!("{folder}/schedstat"))?;
        Ok(text.split_whitespace().next().unwrap_or_default().parse()?)
    };
    let mut nanos = 0;
    if fs::exists(format!("{tasks}/schedstat"))? {
        nanos = of(tasks)?;
    } else {
        for task in fs::read_dir(tasks)? {
            nanos += of(&task?.path().display().to_string())?;
        }
    }
    Ok(nanos as f64 / 1_000.0)
}

/// Memory a process has in use, in KiB.
pub fn resident_kib(process: u32) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}
