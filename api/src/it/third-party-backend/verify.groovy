// The kit ran in full, and nothing failed: a build with no test at all succeeds too.
def report = new File(basedir, 'target/surefire-reports/TEST-com.example.counting.CountingConformanceTest.xml')
assert report.isFile() : "no report $report: the kit did not run"
def suite = new groovy.xml.XmlSlurper().parse(report)
int tests = suite.@tests.toInteger()
int skipped = suite.@skipped.toInteger()
assert suite.@failures.toInteger() == 0 && suite.@errors.toInteger() == 0
assert tests > 130 : "the kit ran only $tests rules"
assert skipped <= 2 : "$skipped rules were skipped, expected those of bf16 and fp16"
return true
