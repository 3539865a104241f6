import FuzzRun
import WireChecks

FuzzRun.main("response", words: WireChecks.words, check: WireChecks.response)
