import FuzzRun
import WireChecks

FuzzRun.main("chunked", words: WireChecks.words, check: WireChecks.chunked)
