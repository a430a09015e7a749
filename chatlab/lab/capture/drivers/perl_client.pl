# One POST by Perl's HTTP::Tiny, told as one line of JSON.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

my ($program, $url, $raw) = @ARGV;
my $knobs   = decode_json($raw);
my $seconds = $knobs->{read_timeout_s} // $knobs->{connect_timeout_s} // 15;
my %given   = (timeout => $seconds, verify_SSL => 1);
($given{http_proxy}) = $url =~ m{^(http://[^/]+)} if $knobs->{proxy};
my $target = $knobs->{proxy} ? 'http://api.example.com/v1/chat/completions' : $url;
my $payload = '{"model":"gpt-5-mini","messages":[{"role":"user","content":"Weather?"}]}';
my $answer  = HTTP::Tiny->new(%given)->post($target, { content => $payload });
my %told    = (version => $HTTP::Tiny::VERSION);
if ($answer->{status} == 599) {
    (my $text = $answer->{content}) =~ s/ at \S+ line \d+\.?\n?//g;
    $told{text} = $text;
} elsif ($answer->{status} >= 400) {
    @told{qw(status headers body)} = ($answer->{status} + 0, $answer->{headers}, $answer->{content});
    $told{text} = "$answer->{status} $answer->{reason}";
} else {
    eval { decode_json($answer->{content}); 1 } ? ($told{passed} = JSON::PP::true) : ($told{text} = $@);
}
print encode_json(\%told), "\n";
