"""What a server with many visitors needs: queues, long jobs, the latest frame. No Streamlit."""
