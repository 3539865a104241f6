import FuzzRun
import GoChecks

if let target = GoFuzz.target("go-elf") { FuzzRun.main(target.name, words: target.words, check: target.check) }
