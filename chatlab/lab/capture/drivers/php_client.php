<?php
// One POST by PHP: its curl extension, or its own HTTP stream wrapper. Told as one line of JSON.
[, $program, $url, $raw] = $argv;
$knobs = json_decode($raw, true);
$target = isset($knobs['proxy']) ? 'http://api.example.com/v1/chat/completions' : $url;
$payload = '{"model":"gpt-5-mini","messages":[{"role":"user","content":"Weather?"}]}';
$told = ['version' => PHP_VERSION];

function parsed($text): void {
    json_decode($text, true, 512, JSON_THROW_ON_ERROR);
}

try {
    if ($program === 'php-curl') {
        $handle = curl_init($target);
        curl_setopt_array($handle, [
            CURLOPT_POSTFIELDS => $payload,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CONNECTTIMEOUT_MS => (int) (($knobs['connect_timeout_s'] ?? 15) * 1000),
            CURLOPT_TIMEOUT_MS => (int) (($knobs['read_timeout_s'] ?? 15) * 1000),
            CURLOPT_PROXY => isset($knobs['proxy']) ? $url : '',
        ]);
        $body = curl_exec($handle);
        if ($body === false) {
            throw new RuntimeException(sprintf('cURL error %d: %s', curl_errno($handle), curl_error($handle)));
        }
        parsed($body);
    } else {
        set_error_handler(function ($level, $message) {
            throw new ErrorException($message, 0, $level);
        });
        ini_set('default_socket_timeout', (string) ($knobs['read_timeout_s'] ?? $knobs['connect_timeout_s'] ?? 15));
        $http = ['method' => 'POST', 'content' => $payload, 'header' => 'content-type: application/json'];
        if (isset($knobs['proxy'])) {
            $http['proxy'] = preg_replace('#^http://([^/]+).*#', 'tcp://$1', $url);
            $http['request_fulluri'] = true;
        }
        parsed(file_get_contents($target, false, stream_context_create(['http' => $http])));
    }
    $told['passed'] = true;
} catch (Throwable $error) {
    $told['exception'] = ['type' => get_class($error), 'text' => $error->getMessage()];
}
echo json_encode($told, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
