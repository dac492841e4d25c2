Feature: Work of one's own that takes long
  Phases are code of the people who use the system. Work can be paused, is not lost, and goes on where it was.

  Scenario: A pause gives back the machine and loses nothing
    Given "anna" works for the project "letters" as a developer
    When "anna" starts 40 tasks that take a while
    And "anna" pauses them when some are finished
    Then the workflow is paused, and says so when nothing runs any more
    When "anna" lets them go on
    Then the workflow succeeds with the right result
    And no task that was finished ran again

  Scenario: The orchestrator is killed in the middle
    Given "anna" works for the project "letters" as a developer
    When "anna" starts 40 tasks that take a while
    And the orchestrator is killed when some are finished
    Then the workflow succeeds with the right result
    And no task that was finished ran again

  Scenario: A task fails, and the reason is found
    Given "anna" works for the project "letters" as a developer
    When "anna" starts work of which one task fails
    Then the workflow fails, and says which task failed and why
