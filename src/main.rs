fn main() { println!("liveroom"); }
